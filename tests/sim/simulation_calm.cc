// The liveness phase (I-13): a majority of every partition is healed, the others are cut off. A
// leader must come, a new write must be committed everywhere, and all replicas of the majority must
// end with the same log, in bounded time.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "raftlog/core/quorum.h"
#include "tests/sim/final_reads.h"
#include "tests/sim/log_damage.h"
#include "tests/sim/network.h"
#include "tests/sim/node.h"
#include "tests/sim/simulation.h"

namespace raftmq::sim {
namespace {

constexpr Time kBoundsAtMost = 20;

// Until the last slow disk, clogged link and patient client from before have come to an end.
Time GraceOf(const Scenario& scenario) {
  return 8 * (scenario.disk.slow_mean + scenario.network.clog_mean +
              scenario.disk.open_mean * scenario.partitions) +
         5 * kSecond + 4 * scenario.clients.timeout;
}

Time BoundOf(const Scenario& scenario) {
  return 10 * scenario.election_max() + 100 * scenario.partitions * scenario.clients.think_mean +
         8 * kSecond;
}

}  // namespace

bool Simulation::IsMajority(const std::vector<NodeId>& core, const PartitionTruth& truth,
                            const Membership& membership) {
  std::size_t voters = 0;
  std::size_t present = 0;
  for (const Replica& replica : membership) {
    if (!replica.voter) continue;
    ++voters;
    const auto placed = truth.placements.find(replica.node);
    // One without a checkpoint is given up at its next start.
    const bool is_there = placed != truth.placements.end() && placed->second.IsWhole() &&
                          placed->second.record.id == replica.id() &&
                          !placed->second.record.may_be_lost;
    if (is_there && std::ranges::count(core, replica.node) > 0) ++present;
  }
  return present >= QuorumOf(voters);
}

// A majority of every membership that may count: the committed one, and those in logs of its
// members.
bool Simulation::Suffices(const std::vector<NodeId>& core, const PartitionTruth& truth) {
  if (truth.committed() == Index(0)) return IsMajority(core, truth, FoundersOf(truth));
  return IsMajority(core, truth, truth.membership()) &&
         std::ranges::all_of(truth.placements, [&](const auto& placed) {
           const ReplicaRecord& record = placed.second.record;
           if (record.memberships.empty() || !placed.second.IsWhole()) return true;
           return !truth.Names(record.id) || IsMajority(core, truth, record.membership());
         });
}

std::vector<NodeId> Simulation::DrawCore() {
  std::vector<NodeId> rest;
  for (const auto& node : cluster_.nodes) rest.push_back(node->id());
  std::vector<NodeId> core;
  const auto suffices = [&core](const auto& truth) { return Suffices(core, *truth); };
  while (!std::ranges::all_of(cluster_.partitions, suffices)) {
    if (rest.empty()) return {};
    const auto drawn =
        rest.begin() + static_cast<std::ptrdiff_t>(cluster_.choices.Below(rest.size()));
    core.push_back(*drawn);
    rest.erase(drawn);
  }
  return core;
}

Membership Simulation::FoundersOf(const PartitionTruth& truth) {
  Membership founders;
  for (const NodeId node : truth.founding.nodes)
    founders.push_back({node, truth.founding.number, true});
  return founders;
}

// So that it is known of every replica whether it is whole.
void Simulation::HealAll() {
  cluster_.is_calm = true;
  const Time timeout = cluster_.scenario.tick * cluster_.scenario.election_ticks_min;
  cluster_.disk.slow = cluster_.disk.cold = 0;
  cluster_.disk.write_mean = std::min(cluster_.disk.write_mean, timeout / 100);
  cluster_.disk.sync_mean = std::min(cluster_.disk.sync_mean, timeout / 100);
  cluster_.network->CalmDown(timeout);
  cluster_.network->Heal({});
  for (const auto& node : cluster_.nodes) node->Heal();
  const auto is_opening = [](const auto& node) {
    return !node->IsUp() || node->process()->is_opening();
  };
  while (std::ranges::any_of(cluster_.nodes, is_opening) && !cluster_.verdict.is_broken())
    RunUntil(cluster_.events + 1, kNever);
}

// The others run on, if they still do, but hear nothing from the core.
void Simulation::CutOff(const std::vector<NodeId>& core) {
  std::vector<NodeId> alone;
  for (const auto& node : cluster_.nodes) {
    if (std::ranges::count(core, node->id()) > 0) continue;
    alone.push_back(node->id());
    if (cluster_.choices.Below(2) == 0) node->Kill();
  }
  cluster_.network->Heal(alone);
}

void Simulation::Calm() {
  HealAll();
  if (cluster_.verdict.is_broken() || !cluster_.scenario.faults.keeps_copies) return;
  const bool had_damage = HasDamage();
  const std::vector<NodeId> core = DrawCore();
  if (core.empty()) return cluster_.coverage.Reach(Mark::kNoWholeMajority);
  CutOff(core);
  const bool writes = Await([this] { return HasAcks(); });
  cluster_.is_quiet = true;
  const bool converges = writes && Await([&] { return HasConverged(core); });
  if (cluster_.verdict.is_broken()) return;
  if (!converges) return ExplainStuck(core);
  FinalReads reads(cluster_, core);
  if (!Await([&] { return reads.AreDone(); }) && !cluster_.verdict.is_broken())
    cluster_.verdict.Broken("I-13", "the final reads do not end");
  if (!cluster_.verdict.is_broken() && had_damage) cluster_.coverage.Reach(Mark::kAllHealed);
  if (!cluster_.verdict.is_broken()) cluster_.coverage.Reach(Mark::kLiveness);
  if (!cluster_.verdict.is_broken() && cluster_.choices.Below(4) == 0) Rejoin(core);
}

// It follows everywhere, and the others of the core can do without it.
bool Simulation::CanSpare(const std::vector<NodeId>& core, NodeId node) {
  std::vector<NodeId> others = core;
  std::erase(others, node);
  return std::ranges::all_of(cluster_.partitions, [&](const auto& truth) {
    const auto placed = truth->placements.find(node);
    if (placed != truth->placements.end() && placed->second.record.is_leader) return false;
    const bool is_led = std::ranges::any_of(others, [&](NodeId other) {
      const auto there = truth->placements.find(other);
      return there != truth->placements.end() && there->second.record.is_leader;
    });
    return is_led && Suffices(others, *truth);
  });
}

std::vector<Term> Simulation::Terms(const std::vector<NodeId>& core) {
  std::vector<Term> terms;
  for (std::uint32_t i = 0; i < cluster_.partitions.size(); ++i) {
    Term highest;
    for (const NodeId node : core) {
      Process* const process = cluster_.node(node).process();
      const Group* const group = process == nullptr ? nullptr : process->Find(i);
      if (group != nullptr) highest = std::max(highest, group->status().term);
    }
    terms.push_back(highest);
  }
  return terms;
}

void Simulation::Rejoin(const std::vector<NodeId>& core) {
  const Time a_while = 5 * cluster_.scenario.election_max();
  const NodeId node = core[static_cast<std::size_t>(cluster_.choices.Below(core.size()))];
  RunUntil(kNever, cluster_.timeline.now() + a_while);  // The operator's last transfer may be due.
  if (!CanSpare(core, node)) return;
  const std::vector<Term> before = Terms(core);
  cluster_.network->Isolate(node, true);
  RunUntil(kNever, cluster_.timeline.now() + a_while);
  cluster_.network->Isolate(node, false);
  RunUntil(kNever, cluster_.timeline.now() + a_while);
  cluster_.coverage.Reach(Mark::kRejoined);
  if (!cluster_.verdict.is_broken() && Terms(core) != before)
    cluster_.verdict.Broken(
        "I-12", fmt::format("node {} was cut off, came back, and raised a term", node.value()));
}

// The bound counts from the last progress of any replica, since a long log takes its time.
bool Simulation::Await(const std::function<bool()>& is_done) {
  const Time bound = GraceOf(cluster_.scenario) + BoundOf(cluster_.scenario);
  const Time cap = cluster_.timeline.now() + kBoundsAtMost * bound;
  Time until = cluster_.timeline.now() + bound;
  std::uint64_t progress = Progress();
  while (!is_done() && cluster_.timeline.now() < until && !cluster_.verdict.is_broken()) {
    RunUntil(cluster_.events + 32, until);
    if (std::exchange(progress, Progress()) == progress) continue;
    until = std::min(cap, cluster_.timeline.now() + bound);
  }
  return is_done();
}

std::uint64_t Simulation::Progress() const {
  std::uint64_t progress = 0;
  for (const auto& truth : cluster_.partitions) {
    for (const auto& [node, placement] : truth->placements)
      progress += placement.record.commit.value();
  }
  return progress;
}

bool Simulation::HasDamage() const {
  return std::ranges::any_of(cluster_.partitions,
                             [](const auto& truth) { return truth->IsDamaged(); });
}

bool Simulation::HasAcks() const {
  for (std::size_t i = 0; i < cluster_.partitions.size(); ++i) {
    const auto has_acked = [i](const auto& producer) { return producer->calm_acks()[i] > 0; };
    if (std::ranges::none_of(producers_, has_acked)) return false;
  }
  return true;
}

bool Simulation::HasConverged(const std::vector<NodeId>& core) {
  return std::ranges::all_of(cluster_.partitions, [&](const auto& truth) {
    return std::ranges::all_of(truth->membership(), [&](const Replica& replica) {
      if (std::ranges::count(core, replica.node) == 0) return true;
      if (!truth->IsThere(replica)) return true;
      const ReplicaRecord& record = truth->placements.at(replica.node).record;
      Process* const process = cluster_.node(replica.node).process();
      const std::uint32_t partition = truth->founding.group.partition.value();
      // It had begun to stop before the faults ended: it will be back, and is to be read then.
      if (process == nullptr || process->is_draining() || process->Find(partition) == nullptr)
        return false;
      if (record.commit != truth->committed() || record.last() != record.commit ||
          record.durable != record.commit)
        return false;
      return IsHealed(*truth, record, *process->Find(partition));
    });
  });
}

// I-18: all damage was found and repaired, by nobody but the replicas.
bool Simulation::IsHealed(PartitionTruth& truth, const ReplicaRecord& record, const Group& group) {
  if (!group.damage().empty() || group.status().needs_reopening) return false;
  if (!record.damaged.empty()) LogDamage::NoteHealed(cluster_, truth);
  return record.damaged.empty();
}

void Simulation::ExplainStuck(const std::vector<NodeId>& core) {
  std::string text = "no progress; core:";
  for (const NodeId node : core) text += fmt::format(" {}", node.value());
  for (const auto& truth : cluster_.partitions) {
    text +=
        fmt::format("\n  partition {} committed {} end {}", truth->founding.group.partition.value(),
                    truth->committed().value(), truth->end().value());
    for (const auto& [node, placed] : truth->placements) {
      const ReplicaRecord& record = placed.record;
      Process* const process = cluster_.node(node).process();
      const Group* const group =
          process == nullptr ? nullptr : process->Find(truth->founding.group.partition.value());
      text += fmt::format("\n    node {} replica {} last {} durable {} commit {}", node.value(),
                          record.id.number.value(), record.last().value(), record.durable.value(),
                          record.commit.value());
      if (placed.is_lost) text += " lost";
      for (const DamagedEntries& run : record.damaged)
        text += fmt::format(" damaged {}-{}", run.first.value(), run.last.value());
      if (group == nullptr) continue;
      const GroupStatus status = group->status();
      for (const DamagedRange& range : group->damage())
        text += fmt::format(" knows {}-{} damaged", range.first.value(), range.last.value());
      if (status.needs_reopening) text += " needs reopening";
      text += fmt::format(" term {} leader {}{} voters", status.term.value(), status.leader.value(),
                          status.is_leader ? " (itself)" : "");
      for (const Replica& replica : record.membership())
        text += fmt::format(" {}/{}{}", replica.node.value(), replica.number.value(),
                            replica.voter ? "" : "?");
    }
  }
  cluster_.verdict.Broken("I-13", text);
}

}  // namespace raftmq::sim
