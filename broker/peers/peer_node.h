// A node of the cluster and where its peer port is.
#pragma once

#include "protocol/net/address.h"
#include "protocol/types/clock.h"
#include "protocol/types/ids.h"

namespace raftmq::broker {

// A connection to or from a node that is silent for so long is broken: the next one is better.
inline constexpr Milliseconds kPeerSilenceMax{2'000};

struct PeerNode {
  NodeId node;
  Address address;
};

}  // namespace raftmq::broker
