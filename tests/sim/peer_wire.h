// A message between replicas as it comes out at the other end of a real connection.
#pragma once

#include "raftlog/transport.h"
#include "tests/sim/verdict.h"

namespace raftmq::sim {

// Encodes and decodes it with the brokers' codec. What cannot pass breaks the run.
PeerMessage ThroughWire(const PeerMessage& message, Verdict& verdict);

}  // namespace raftmq::sim
