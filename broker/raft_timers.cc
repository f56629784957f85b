#include "broker/raft_timers.h"

#include "protocol/types/hash.h"

namespace raftmq::broker {

RaftConfig RaftTimersOf(const BrokerOptions& options, const GroupId& group) {
  RaftConfig raft;
  raft.seed = Hash64(AsBytes(group.ToString()), options.boot_id);
  raft.heartbeat_ticks = 5;
  raft.election_ticks_min = 30;
  raft.election_ticks_max = 60;
  return raft;
}

}  // namespace raftmq::broker
