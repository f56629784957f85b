// A group's way to the other nodes; the oracles see what leaves.
#pragma once

#include <cstdint>
#include <utility>
#include <variant>

#include "raftlog/transport.h"
#include "tests/sim/cluster.h"
#include "tests/sim/network.h"

namespace raftmq::sim {

class SimTransport final : public Transport {
 public:
  SimTransport(Cluster& cluster, NodeId node, std::uint32_t partition)
      : cluster_(cluster), node_(node), partition_(partition) {}

  void Send(PeerMessage message) override {
    PartitionTruth& truth = *cluster_.partitions[partition_];
    if (const auto* const raft = std::get_if<RaftMessage>(&message.body))
      truth.Sends(truth.placements.at(node_).record, *raft);
    cluster_.network->Send(node_, partition_, std::move(message));
  }

 private:
  Cluster& cluster_;
  const NodeId node_;
  const std::uint32_t partition_;
};

}  // namespace raftmq::sim
