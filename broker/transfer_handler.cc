// The leadership of a partition, handed to another of its replicas.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "broker/handlers.h"
#include "broker/partition.h"
#include "broker/session.h"
#include "broker/shard.h"

namespace raftmq::broker {
namespace {

std::vector<std::uint32_t> NumbersOf(const std::vector<NodeId>& nodes) {
  std::vector<std::uint32_t> numbers;
  for (const NodeId node : nodes) numbers.push_back(node.value());
  return numbers;
}

// REQUIRES: the partition is one of this shard.
Status CheckHoldsReplica(const Shard& shard, const Partition& partition, NodeId node) {
  const ViewTopic& topic = *shard.view().by_id.at(partition.id().topic);
  const auto& replicas = topic.partitions.at(partition.id().partition.value()).replicas;
  if (std::ranges::find(replicas, node) != replicas.end()) return Ok();
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("node {} holds no replica of {}: those that do are {}", node.value(),
                          partition.Name(), fmt::join(NumbersOf(replicas), ", ")));
}

}  // namespace

void HandleTransferLeader(Session& session, std::uint64_t id,
                          const wire::TransferLeaderRequest& request) {
  auto responder = session.MakeResponder(id, Api::kTransferLeader, 0);
  const auto found = FindPartition(session.shard(), request.group);
  if (!found) return responder->Refuse(found.error());
  Partition& partition = **found;
  if (const auto may = CheckHoldsReplica(session.shard(), partition, request.to); !may)
    return responder->Refuse(may.error());
  partition.group().TransferTo(request.to, [&partition, responder](const Status& outcome) {
    partition.PublishStats();
    if (!outcome) return responder->Refuse(outcome.error());
    responder->Reply(wire::EmptyReply{});
  });
  session.shard().partitions().Touch(partition);
}

}  // namespace raftmq::broker
