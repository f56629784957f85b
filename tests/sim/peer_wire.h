// What passes between nodes as it comes out at the other end of a real connection.
#pragma once

#include <variant>

#include "raftlog/heartbeats.h"
#include "raftlog/transport.h"
#include "tests/sim/verdict.h"

namespace raftmq::sim {

using ParcelContent = std::variant<PeerMessage, Heartbeat, HeartbeatReply>;

// Encodes and decodes it with the brokers' codec. What cannot pass breaks the run.
ParcelContent ThroughWire(const ParcelContent& content, Verdict& verdict);

}  // namespace raftmq::sim
