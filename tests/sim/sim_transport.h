// A group's way to the other nodes; the oracles see what leaves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "raftlog/heartbeats.h"
#include "raftlog/transport.h"
#include "tests/sim/cluster.h"
#include "tests/sim/network.h"

namespace raftmq::sim {

class SimTransport final : public Transport {
 public:
  // `damage`: what its group knows of.
  SimTransport(Cluster& cluster, NodeId node, std::uint32_t partition,
               std::function<std::vector<DamagedRange>()> damage)
      : cluster_(cluster), node_(node), partition_(partition), damage_(std::move(damage)) {}

  void Send(PeerMessage message) override {
    PartitionTruth& truth = *cluster_.partitions[partition_];
    ReplicaRecord& record = truth.placements.at(node_).record;
    auto* const raft = std::get_if<RaftMessage>(&message.body);
    if (cluster_.mutant == Mutant::kDamageAckedOver && raft != nullptr) {
      if (auto* const ack = std::get_if<AppendReply>(&raft->body)) ack->durable = ack->matched;
    }
    if (raft && std::holds_alternative<AppendReply>(raft->body)) ForgetsDamage(truth, record);
    if (raft) truth.Sends(record, *raft);
    if (const auto* const reply = std::get_if<RepairReply>(&message.body)) Answers(*reply);
    const NodeId to = message.to().node;
    cluster_.network->Send({node_, to, partition_, std::move(message)});
  }

 private:
  // What it knew of after its last tick may have been cut, repaired, trimmed or given up since.
  void ForgetsDamage(const PartitionTruth& truth, ReplicaRecord& record) {
    if (record.first_damaged == Index(0)) return;
    const Index first = truth.FirstMissed(damage_());
    record.first_damaged = first == Index(0) ? first : std::max(record.first_damaged, first);
  }
  void Answers(const RepairReply& reply) {
    using Answer = RepairReply::Answer;
    if (reply.answer == Answer::kHaveDamaged) cluster_.coverage.Reach(Mark::kHaveDamaged);
    if (reply.answer == Answer::kDoNotHave) cluster_.coverage.Reach(Mark::kDoNotHave);
  }

  Cluster& cluster_;
  const NodeId node_;
  const std::uint32_t partition_;
  const std::function<std::vector<DamagedRange>()> damage_;
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
