// The nodes' scrubbers: each node answers for itself.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "protocol/client/client_core.h"
#include "raftmq/client.h"

namespace raftmq {
namespace {

constexpr Milliseconds kPatience{2'000};

NodeScrub ScrubFrom(std::uint32_t node, const Result<internal::Reply>& reply) {
  NodeScrub scrub;
  scrub.node = node;
  if (!reply) {
    scrub.error = reply.error();
    return scrub;
  }
  const auto* const answer = std::get_if<wire::ScrubReply>(&reply->body);
  if (answer == nullptr) {
    scrub.error = Error{ErrorCode::kUnsupported, "the broker's answer is not one to the question"};
    return scrub;
  }
  scrub.running = answer->running;
  scrub.by_hand = answer->by_hand;
  scrub.began_ms = answer->began_ms;
  scrub.ended_ms = answer->ended_ms;
  scrub.bytes_read = answer->bytes_read;
  scrub.bytes_total = answer->bytes_all;
  scrub.passes = answer->passes;
  scrub.damage_found = answer->damage_found;
  scrub.damage_repaired = answer->damage_repaired;
  scrub.damage_open = answer->damage_open;
  for (const wire::Damage& damage : answer->damage)
    scrub.damage.push_back(
        {damage.where, damage.first_offset.value(), damage.end_offset.value(), damage.what});
  return scrub;
}

}  // namespace

Result<std::vector<NodeScrub>> Client::StartScrub(std::uint32_t node) { return Scrub(node, true); }

Result<std::vector<NodeScrub>> Client::ScrubStatus(std::uint32_t node) {
  return Scrub(node, false);
}

Result<std::vector<NodeScrub>> Client::Scrub(std::uint32_t node, bool start) {
  RAFTMQ_TRY_ASSIGN(const ClusterDescription cluster, Describe());
  std::vector<std::uint32_t> ids, known;
  std::vector<Address> addresses;
  for (const ClusterDescription::Node& each : cluster.nodes) {
    known.push_back(each.node);
    if (node != 0 && each.node != node) continue;
    ids.push_back(each.node);
    addresses.push_back({each.host, each.port});
  }
  if (ids.empty())
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("there is no node {}: the cluster has the nodes {}", node,
                            fmt::join(known, ", ")));
  const Milliseconds patience = std::min(core_->config().request_timeout, kPatience);
  RAFTMQ_TRY_ASSIGN(const std::vector<Result<internal::Reply>> replies,
                    core_->CallNodes(addresses, wire::ScrubRequest{.start = start}, patience));
  std::vector<NodeScrub> scrubs;
  for (std::size_t i = 0; i < ids.size(); ++i) scrubs.push_back(ScrubFrom(ids[i], replies[i]));
  return scrubs;
}

}  // namespace raftmq
