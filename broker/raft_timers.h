// The timers of this node's groups, in ticks of BrokerOptions::tick.
#pragma once

#include "broker/broker_options.h"
#include "protocol/types/ids.h"
#include "raftlog/core/raft.h"
#include "raftlog/heartbeats.h"

namespace raftmq::broker {

// With ticks of 10 ms: heartbeats every 50 ms, elections after 0.5 to 1 s without one. Each group
// of each process draws other timeouts.
RaftConfig RaftTimersOf(const BrokerOptions& options, const GroupId& group);
// The same pace for a shard's quiet groups.
Heartbeats::Options HeartbeatTimersOf(const BrokerOptions& options, std::uint32_t shard);

}  // namespace raftmq::broker
