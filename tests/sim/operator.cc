#include "tests/sim/operator.h"

#include <algorithm>
#include <utility>

#include "tests/sim/log_damage.h"
#include "tests/sim/node.h"

namespace raftmq::sim {

void Operator::Start() {
  const OperatorOptions& options = cluster_.scenario.operators;
  Every(options.change_every, [this] { Change(); });
  Every(options.change_every, [this] { Retire(); });
  Every(options.transfer_every, [this] { Transfer(); });
  Every(options.trim_every, [this] { Trim(); });
  Every(options.disk_loss_every, [this] { LoseDisk(); });
  Every(options.directory_loss_every, [this] { LoseDirectory(); });
}

void Operator::Every(Time mean, std::function<void()> act) {
  if (mean == 0) return;
  cluster_.timeline.After(cluster_.choices.Around(mean), [this, mean, act = std::move(act)] {
    if (cluster_.is_calm) return;
    act();
    Every(mean, act);
  });
}

NodeId Operator::LeaderOf(std::uint32_t partition) const {
  for (const auto& [node, placement] : cluster_.partitions[partition]->placements) {
    if (placement.record.is_leader) return node;
  }
  return NodeId(0);
}

void Operator::Change() {
  const std::uint32_t partition = cluster_.PickPartition();
  PartitionTruth& truth = *cluster_.partitions[partition];
  const NodeId leader = LeaderOf(partition);
  // The copies that are left of what is damaged stay.
  LogDamage::NoteHealed(cluster_, truth);
  if (leader == NodeId(0) || truth.IsDamaged()) return;
  Membership next = truth.placements.at(leader).record.membership();
  const std::uint64_t dice = HasBroken(truth, next) ? 0 : cluster_.choices.Below(3);
  if (dice == 0 && Remove(truth, &next)) {
    const bool stays = std::ranges::count(next, leader, &Replica::node) > 0;
    return Propose(leader, partition, next, stays ? Mark::kRemoved : Mark::kLeaderRemoved);
  }
  if (dice == 1 && AddLearner(truth, &next))
    return Propose(leader, partition, next, Mark::kLearnersAdded);
  if (Promote(truth, &next)) Propose(leader, partition, next, Mark::kPromoted);
}

bool Operator::Promote(const PartitionTruth&, Membership* next) {
  const auto learner = std::ranges::find(*next, false, &Replica::voter);
  if (learner == next->end()) return false;
  learner->voter = true;
  return true;
}

bool Operator::IsBroken(const PartitionTruth& truth, const Replica& replica) {
  const auto placed = truth.placements.find(replica.node);
  return placed == truth.placements.end() || !placed->second.IsWhole();
}

bool Operator::HasBroken(const PartitionTruth& truth, const Membership& members) {
  return std::ranges::any_of(members, [&truth](const Replica& r) { return IsBroken(truth, r); });
}

// One that is lost or damaged before all others; else any, as long as a voter is left.
bool Operator::Remove(const PartitionTruth& truth, Membership* next) {
  const auto broken =
      std::ranges::find_if(*next, [&truth](const Replica& r) { return IsBroken(truth, r); });
  const auto any = static_cast<std::ptrdiff_t>(cluster_.choices.Below(next->size()));
  next->erase(broken != next->end() ? broken : next->begin() + any);
  return std::ranges::count(*next, true, &Replica::voter) > 0;
}

// On a node that has no replica of it, nor one that is still to be retired.
bool Operator::AddLearner(PartitionTruth& truth, Membership* next) {
  const NodeId node = cluster_.PickNode();
  if (std::ranges::count(*next, node, &Replica::node) > 0) return false;
  const auto placed = truth.placements.find(node);
  const bool was_member = placed != truth.placements.end() && placed->second.was_member;
  if (was_member) return false;
  if (placed == truth.placements.end())
    truth.placements[node].record.id = {node, NextNumber(truth, node)};
  next->push_back({node, truth.placements[node].record.id.number, false});
  std::ranges::sort(*next, {}, &Replica::node);
  return true;
}

// Each is used once.
ReplicaNumber Operator::NextNumber(const PartitionTruth& truth, NodeId node) {
  const ReplicaNumber former = truth.EndedOn(node);
  if (cluster_.mutant == Mutant::kReplicaNumberReused && former != ReplicaNumber(0)) return former;
  return ReplicaNumber(++last_number_);
}

void Operator::Propose(NodeId leader, std::uint32_t partition, const Membership& next, Mark mark) {
  PartitionTruth& truth = *cluster_.partitions[partition];
  for (const Replica& replica : next) {
    const auto placed = truth.placements.find(replica.node);
    if (placed != truth.placements.end()) placed->second.was_member = true;
  }
  truth.asked_for = next;
  Node& node = cluster_.node(leader);
  node.Do([this, &node, &truth, partition, next, mark] {
    Group* const group = node.process()->Use(partition);
    if (group == nullptr) return;
    group->ChangeMembership(next, [this, &truth, mark](const Result<Proposed>& proposed) {
      const bool is_refused = !proposed && proposed.error().code != ErrorCode::kDisconnected;
      if (is_refused) truth.asked_for.clear();
      if (proposed) cluster_.coverage.Reach(mark);
      if (proposed && mark == Mark::kLeaderRemoved) cluster_.coverage.Reach(Mark::kRemoved);
    });
  });
}

void Operator::Transfer() {
  const std::uint32_t partition = cluster_.PickPartition();
  const NodeId leader = LeaderOf(partition);
  if (leader == NodeId(0)) return;
  Node& node = cluster_.node(leader);
  node.Do([this, &node, partition, to = cluster_.PickNode()] {
    Group* const group = node.process()->Use(partition);
    if (group == nullptr) return;
    group->TransferTo(to, [this](const Status& done) {
      if (done) cluster_.coverage.Reach(Mark::kTransfers);
    });
  });
}

void Operator::Trim() {
  const std::uint32_t partition = cluster_.PickPartition();
  const PartitionTruth& truth = *cluster_.partitions[partition];
  const NodeId leader = LeaderOf(partition);
  if (leader == NodeId(0) || cluster_.scenario.IsInternal(partition)) return;
  const Offset to(cluster_.choices.Between(truth.log_start().value(), truth.end().value()));
  Node& node = cluster_.node(leader);
  node.Do([&node, partition, to] {
    if (Group* const group = node.process()->Use(partition)) group->Trim(to, [](const auto&) {});
  });
}

bool Operator::IsCaughtUp(const PartitionTruth& truth,
                          const PartitionTruth::Placement& placement) const {
  const Process* const process = cluster_.node(placement.record.id.node).process();
  if (!placement.IsWhole() || process == nullptr) return false;
  return process->Find(truth.founding.group.partition.value()) != nullptr &&
         placement.record.HoldsDurably(truth.committed(), truth.CommittedAt(truth.committed()));
}

// Every other voter of its partitions has all that is committed, and no change is under way.
bool Operator::CanSpare(NodeId node) const {
  const auto has_replica = [node](const auto& truth) { return truth->placements.contains(node); };
  return std::ranges::any_of(cluster_.partitions, has_replica) &&
         std::ranges::all_of(cluster_.partitions, [&](const auto& truth) {
           return !has_replica(truth) || CanSpare(*truth, node);
         });
}

bool Operator::CanSpare(const PartitionTruth& truth, NodeId node) const {
  if (truth.committed() == Index(0) || truth.IsDamaged()) return false;
  std::size_t others = 0;
  for (const Replica& replica : truth.membership()) {
    if (!replica.voter || replica.node == node) continue;
    ++others;
    const auto placed = truth.placements.find(replica.node);
    if (placed == truth.placements.end() || !IsCaughtUp(truth, placed->second)) return false;
    if (placed->second.record.membership() != truth.membership()) return false;
  }
  return others >= 2;
}

void Operator::LoseDisk() {
  const NodeId id = cluster_.PickNode();
  if (!CanSpare(id)) return;
  Node& node = cluster_.node(id);
  node.Kill();
  node.LoseDisk();
  cluster_.coverage.Reach(Mark::kDisksLost);
  for (const auto& truth : cluster_.partitions) {
    const auto placed = truth->placements.find(id);
    if (placed == truth->placements.end() || !placed->second.is_founded) continue;
    placed->second.is_lost = placed->second.is_disk_lost = true;
    truth->End(placed->second.record.id);
  }
}

void Operator::LoseDirectory() {
  const std::uint32_t partition = cluster_.PickPartition();
  PartitionTruth& truth = *cluster_.partitions[partition];
  const NodeId id = cluster_.PickNode();
  const auto placed = truth.placements.find(id);
  if (placed == truth.placements.end() || !placed->second.is_founded || !CanSpare(truth, id))
    return;
  Node& node = cluster_.node(id);
  node.Kill();
  node.LoseDirectory(partition);
  cluster_.coverage.Reach(Mark::kDirectoriesLost);
  placed->second.is_lost = true;
  truth.End(placed->second.record.id);
}

void Operator::Retire() {
  const std::uint32_t partition = cluster_.PickPartition();
  PartitionTruth& truth = *cluster_.partitions[partition];
  if (truth.committed() == Index(0)) return;
  for (const auto& [node, placement] : truth.placements) {
    const ReplicaRecord& record = placement.record;
    if (!placement.was_member || truth.Names(record.id)) continue;
    return RetireOn(node, partition);
  }
}

void Operator::RetireOn(NodeId id, std::uint32_t partition) {
  PartitionTruth& truth = *cluster_.partitions[partition];
  const PartitionTruth::Placement& placement = truth.placements.at(id);
  const bool was_whole = placement.IsWhole();
  Node& node = cluster_.node(id);
  node.Do([this, &node, &truth, id, partition, was_whole, replica = placement.record.id] {
    const auto going = truth.placements.find(id);
    if (going == truth.placements.end() || going->second.record.id != replica) return;
    // Whatever happens on the way, it never comes back.
    going->second.is_lost = going->second.is_retired = true;
    node.process()->Drop(partition, [this, &truth, id, replica, was_whole] {
      const auto placed = truth.placements.find(id);
      if (placed == truth.placements.end() || placed->second.record.id != replica) return;
      if (!was_whole) cluster_.coverage.Reach(Mark::kLostReplaced);
      truth.End(replica);
      truth.placements.erase(placed);
    });
  });
}

}  // namespace raftmq::sim
