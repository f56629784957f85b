// What a shard counts of its connections to other nodes.
#pragma once

#include "protocol/types/counter.h"

namespace raftmq::broker {

struct PeerMetrics {
  Counter frames_sent;
  Counter dropped;    // Messages without a connection, or beyond its bound.
  Counter connected;  // Times that a connection came up.
  Counter lost;       // Times that one broke.
  Counter refused;    // Callers that were let in and then sent what no peer sends.
};

}  // namespace raftmq::broker
