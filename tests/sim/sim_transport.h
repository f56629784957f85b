// A group's way to the other nodes; the oracles see what leaves.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include "raftlog/heartbeats.h"
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
    const NodeId to = message.to().node;
    cluster_.network->Send({node_, to, partition_, std::move(message)});
  }

 private:
  Cluster& cluster_;
  const NodeId node_;
  const std::uint32_t partition_;
};

// The same for what a process says of all its quiet groups.
class SimHeartbeatTransport final : public HeartbeatTransport {
 public:
  SimHeartbeatTransport(Cluster& cluster, NodeId node) : cluster_(cluster), node_(node) {}

  std::optional<PeerShard> WhereIs(NodeId node, const GroupId& group) const override {
    return PeerShard{node, cluster_.scenario.ShardOf(group.partition.value())};
  }
  void Send(const PeerShard& to, Heartbeat heartbeat) override {
    cluster_.network->Send({node_, to.node, to.shard, std::move(heartbeat)});
  }
  void Send(const PeerShard& to, HeartbeatReply reply) override {
    cluster_.network->Send({node_, to.node, to.shard, std::move(reply)});
  }

 private:
  Cluster& cluster_;
  const NodeId node_;
};

}  // namespace raftmq::sim
