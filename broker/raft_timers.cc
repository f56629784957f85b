#include "broker/raft_timers.h"

#include "protocol/types/hash.h"

namespace raftmq::broker {
namespace {

constexpr std::uint32_t kHeartbeatTicks = 5;
constexpr std::uint32_t kElectionTicksMin = 50;

}  // namespace

RaftConfig RaftTimersOf(const BrokerOptions& options, const GroupId& group) {
  RaftConfig raft;
  raft.seed = Hash64(AsBytes(group.ToString()), options.boot_id);
  raft.heartbeat_ticks = kHeartbeatTicks;
  raft.election_ticks_min = kElectionTicksMin;
  raft.election_ticks_max = 2 * kElectionTicksMin;
  return raft;
}

Heartbeats::Options HeartbeatTimersOf(const BrokerOptions& options, std::uint32_t shard) {
  return {.shard = shard,
          .boot_id = options.boot_id,
          .heartbeat_ticks = kHeartbeatTicks,
          .silence_ticks = kElectionTicksMin};
}

}  // namespace raftmq::broker
