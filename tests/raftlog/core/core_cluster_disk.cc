// The disks of a CoreCluster: what is synced, what a crash loses, what a restart finds.
#include <algorithm>

#include "protocol/types/check.h"
#include "tests/raftlog/core/core_cluster.h"

namespace raftmq {

void CoreCluster::Found(NodeId id, const HardState& hard_state, const std::vector<Term>& terms) {
  Node& node = nodes_[id];
  node = {};
  node.disk.hard_state = hard_state;
  node.disk.before_membership = founders_;
  node.disk.entries.push_back({Term(0), std::nullopt});  // The founding checkpoint.
  for (const Term term : terms) node.disk.entries.push_back({term, std::nullopt});
  Restart(id);
}

RestoredState CoreCluster::Restore(const Disk& disk) const {
  RestoredState state{.hard_state = disk.hard_state,
                      .last = disk.last(),
                      .before_term = disk.before_term,
                      .commit = std::max(disk.before, Index(1)),
                      .memberships = {{disk.before, disk.before_membership}},
                      .base_checkpoint_last = disk.base_checkpoint_last};
  state.damage = disk.damage;
  const DamagedRuns damage(disk.damage);
  Index index = disk.before;
  for (const Entry& entry : disk.entries) {
    index = index.Next();
    // Of what cannot be read the term is guessed; that of the last entry is known by the mark.
    const bool is_readable = damage.Find(index) == nullptr;
    const Term guess = state.runs.empty() ? disk.before_term : state.runs.back().term;
    const Term term = is_readable || index == disk.last() ? entry.term : guess;
    if (state.runs.empty() || state.runs.back().term != term) state.runs.push_back({index, term});
    if (!entry.membership) continue;
    // A checkpoint behind the damage tells if there was none.
    if (is_readable)
      state.memberships.push_back({index, *entry.membership});
    else
      state.knows_membership = false;
  }
  return state;
}

void CoreCluster::Damage(NodeId id, Index first, Index last) {
  Node& node = nodes_.at(id);
  RAFTMQ_CHECK(node.jobs.empty());
  RAFTMQ_CHECK(first > node.disk.before);
  RAFTMQ_CHECK(last <= node.disk.last());
  for (Index index = first; index <= last; index = index.Next())
    RAFTMQ_CHECK(node.disk.IsWhole(index));
  const Index claims = std::min(last.Next(), node.disk.last());
  node.disk.damage.push_back({first, last, node.disk.at(claims).term});
  std::ranges::sort(node.disk.damage, {}, &DamagedRun::first);
  node.staged.damage = node.disk.damage;
  ++seen.damages;
  if (!IsUp(id)) return;
  raft(id).SetDamage(DamagedRuns(node.disk.damage));
  CarryOut(id, nullptr);
}

// As a group does it (raftlog/damage_repair.h): of what is committed every copy is the right one;
// else the last entry has to be the same, and by that all before it are.
bool CoreCluster::Repair(NodeId id, NodeId peer) {
  Node& node = nodes_.at(id);
  const Node& other = nodes_.at(peer);
  // What the peer has cut may still stand on its disk.
  const bool is_settled = node.jobs.empty() && other.jobs.empty();
  if (!is_settled || node.disk.damage.empty() || !IsUp(id) || !IsUp(peer)) return false;
  const DamagedRun run = node.disk.damage.front();
  const Index commit = raft(id).status().commit;
  const bool is_committed = run.last <= commit && run.last <= raft(peer).status().commit;
  for (Index index = run.first; index <= run.last; index = index.Next()) {
    if (!other.disk.IsWhole(index)) return false;
  }
  const bool is_same = other.disk.at(run.last).term == node.disk.at(run.last).term;
  if (!is_committed && !is_same) return false;
  for (Index index = run.first; index <= run.last; index = index.Next())
    RAFTMQ_CHECK(other.disk.at(index).term == node.disk.at(index).term);
  node.disk.damage.erase(node.disk.damage.begin());
  ++seen.repairs;
  Crash(id);
  Restart(id);
  return true;
}

void CoreCluster::Restart(NodeId id) {
  Node& node = nodes_.at(id);
  RAFTMQ_CHECK(node.raft == nullptr);
  RaftConfig config = options_.raft;
  config.self = {id, ReplicaNumber(id.value())};
  config.seed = options_.seed * 1000 + ++boots_;
  node.raft = std::make_unique<Raft>(config, Restore(node.disk));
  node.staged = node.disk;
}

void CoreCluster::Crash(NodeId id, std::size_t kept_jobs) {
  Node& node = nodes_.at(id);
  for (std::size_t i = 0; i < kept_jobs && i < node.jobs.size(); ++i)
    Apply(node.jobs[i], &node.disk);
  node.jobs.clear();
  node.raft.reset();
  node.reads.clear();
  node.asked.clear();
  std::erase_if(letters_, [id](const Letter& letter) { return letter.to == id; });
}

void CoreCluster::SyncOne(NodeId id) {
  Node& node = nodes_.at(id);
  const Job job = std::move(node.jobs.front());
  node.jobs.pop_front();
  Apply(job, &node.disk);
  node.raft->Persisted(job.mark);
  CarryOut(id, nullptr);
}

void CoreCluster::SyncAll(NodeId id) {
  while (HasUnsynced(id)) SyncOne(id);
}

void CoreCluster::Apply(const Job& job, Disk* disk) {
  if (job.hard_state) disk->hard_state = *job.hard_state;
  if (job.reset) {
    disk->before_membership = job.reset->membership;
    disk->base_checkpoint_last = job.reset->checkpoint_last;
    disk->before = job.reset->before;
    disk->before_term = job.reset->before_term;
    disk->entries.clear();
    disk->damage.clear();
  }
  if (job.truncate_after) {
    disk->entries.resize(job.truncate_after->value() - disk->before.value());
    std::erase_if(disk->damage,
                  [&](const DamagedRun& run) { return run.first > *job.truncate_after; });
  }
  for (const auto& [index, entry] : job.append) {
    RAFTMQ_CHECK(index == disk->last().Next());
    disk->entries.push_back(entry);
  }
}

void CoreCluster::TruncateBefore(NodeId id, Index first_kept) {
  Node& node = nodes_.at(id);
  node.raft->TruncateBefore(first_kept);
  ForgetBefore(first_kept, &node.disk);
  ForgetBefore(first_kept, &node.staged);
}

void CoreCluster::ForgetBefore(Index first_kept, Disk* disk) {
  RAFTMQ_CHECK(disk->last() >= first_kept);
  while (disk->before.Next() < first_kept) {
    const Entry& gone = disk->entries.front();
    disk->before = disk->before.Next();
    disk->before_term = gone.term;
    if (gone.membership) disk->before_membership = *gone.membership;
    disk->entries.erase(disk->entries.begin());
  }
  std::erase_if(disk->damage, [&](const DamagedRun& run) { return run.last < first_kept; });
  if (!disk->damage.empty())
    disk->damage.front().first = std::max(disk->damage.front().first, first_kept);
}

}  // namespace raftmq
