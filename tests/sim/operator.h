// Who runs the cluster: moves replicas and leaderships about, replaces lost disks. Asks whoever
// leads, and takes refusals for answers.
#pragma once

#include <cstdint>
#include <functional>

#include "tests/sim/cluster.h"

namespace raftmq::sim {

class Operator {
 public:
  explicit Operator(Cluster& cluster) : cluster_(cluster) {}
  // From now on until the cluster is calm.
  void Start();

 private:
  void Every(Time mean, std::function<void()> act);
  void Change();
  void Transfer();
  // As delete-records and retention do.
  void Trim();
  // Only while every partition can spare the node: each acked batch stays on a majority.
  void LoseDisk();
  void LoseDirectory();
  bool CanSpare(NodeId node) const;
  bool CanSpare(const PartitionTruth& truth, NodeId node) const;
  ReplicaNumber NextNumber(const PartitionTruth& truth, NodeId node);
  bool IsCaughtUp(const PartitionTruth& truth, const PartitionTruth::Placement& placement) const;
  // Replicas that have left the membership for good are closed, and their directories removed.
  void Retire();
  void RetireOn(NodeId node, std::uint32_t partition);

  NodeId LeaderOf(std::uint32_t partition) const;
  static bool IsBroken(const PartitionTruth& truth, const Replica& replica);
  static bool HasBroken(const PartitionTruth& truth, const Membership& members);
  bool Promote(const PartitionTruth& truth, Membership* next);
  bool Remove(const PartitionTruth& truth, Membership* next);
  bool AddLearner(PartitionTruth& truth, Membership* next);
  void Propose(NodeId leader, std::uint32_t partition, const Membership& next, Mark mark);

  Cluster& cluster_;
  std::uint64_t last_number_ = 1;  // Of replicas; founders have 1.
};

}  // namespace raftmq::sim
