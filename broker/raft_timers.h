// The timers of this node's groups, in ticks of BrokerOptions::tick.
#pragma once

#include "broker/broker_options.h"
#include "protocol/types/ids.h"
#include "raftlog/core/raft.h"

namespace raftmq::broker {

// With ticks of 20 ms: heartbeats every 100 ms, elections after 0.6 to 1.2 s without one. Each
// group of each process draws other timeouts.
RaftConfig RaftTimersOf(const BrokerOptions& options, const GroupId& group);

}  // namespace raftmq::broker
