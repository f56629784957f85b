#include "broker/peers/peer_heartbeats.h"

#include <vector>

namespace raftmq::broker {
namespace {

static_assert(kQuietGroupsMax <= wire::kPeerQuietGroupsMax);

template <class To, class From>
std::vector<To> Convert(const std::vector<From>& from) {
  std::vector<To> to;
  to.reserve(from.size());
  for (const From& group : from) to.push_back({group.group, group.term});
  return to;
}

}  // namespace

wire::PeerHeartbeat ToWire(const Heartbeat& heartbeat) {
  return {.shard = heartbeat.shard,
          .boot_id = heartbeat.boot_id,
          .number = heartbeat.number,
          .hash = heartbeat.hash,
          .lists_groups = heartbeat.lists_groups,
          .groups = Convert<wire::PeerQuietGroup>(heartbeat.groups)};
}

wire::PeerHeartbeatReply ToWire(const HeartbeatReply& reply) {
  return {.shard = reply.shard,
          .boot_id = reply.boot_id,
          .number = reply.number,
          .is_agreed = reply.is_agreed,
          .refused = Convert<wire::PeerQuietGroup>(reply.refused)};
}

Heartbeat FromWire(const wire::PeerHeartbeat& heartbeat) {
  return {.shard = heartbeat.shard,
          .boot_id = heartbeat.boot_id,
          .number = heartbeat.number,
          .hash = heartbeat.hash,
          .lists_groups = heartbeat.lists_groups,
          .groups = Convert<QuietGroup>(heartbeat.groups)};
}

HeartbeatReply FromWire(const wire::PeerHeartbeatReply& reply) {
  return {.shard = reply.shard,
          .boot_id = reply.boot_id,
          .number = reply.number,
          .is_agreed = reply.is_agreed,
          .refused = Convert<QuietGroup>(reply.refused)};
}

}  // namespace raftmq::broker
