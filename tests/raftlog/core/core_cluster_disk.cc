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
  Index index = disk.before;
  for (const Entry& entry : disk.entries) {
    index = index.Next();
    if (state.runs.empty() || state.runs.back().term != entry.term)
      state.runs.push_back({index, entry.term});
    if (entry.membership) state.memberships.push_back({index, *entry.membership});
  }
  return state;
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
  }
  if (job.truncate_after) disk->entries.resize(job.truncate_after->value() - disk->before.value());
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
}

}  // namespace raftmq
