// A node of the cluster and where its peer port is.
#pragma once

#include "protocol/net/address.h"
#include "protocol/types/ids.h"

namespace raftmq::broker {

struct PeerNode {
  NodeId node;
  Address address;
};

}  // namespace raftmq::broker
