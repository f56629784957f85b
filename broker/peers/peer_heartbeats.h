// Between what shards beat to each other and what goes over the wire.
#pragma once

#include "protocol/wire/peer_messages.h"
#include "raftlog/heartbeats.h"

namespace raftmq::broker {

wire::PeerHeartbeat ToWire(const Heartbeat& heartbeat);
wire::PeerHeartbeatReply ToWire(const HeartbeatReply& reply);
Heartbeat FromWire(const wire::PeerHeartbeat& heartbeat);
HeartbeatReply FromWire(const wire::PeerHeartbeatReply& reply);

}  // namespace raftmq::broker
