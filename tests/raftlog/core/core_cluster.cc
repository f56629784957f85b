#include "tests/raftlog/core/core_cluster.h"

#include <algorithm>

#include "protocol/types/check.h"
#include "raftlog/core/quorum.h"

namespace raftmq {

CoreCluster::CoreCluster(const Options& options) : options_(options) {
  for (std::uint32_t i = 1; i <= options.nodes; ++i) {
    founders_.push_back({NodeId(i), ReplicaNumber(i), i <= options.voters});
  }
  for (const Replica& replica : founders_) {
    Node& node = nodes_[replica.node];
    node.disk.before_membership = founders_;
    node.disk.entries.push_back({Term(0), std::nullopt});  // The founding checkpoint.
    node.staged = node.disk;
    Restart(replica.node);
  }
}

std::vector<NodeId> CoreCluster::node_ids() const {
  std::vector<NodeId> ids;
  for (const auto& [id, node] : nodes_) ids.push_back(id);
  return ids;
}

RestoredState CoreCluster::Restore(const Disk& disk) const {
  RestoredState state{.hard_state = disk.hard_state,
                      .last = disk.last(),
                      .before_term = disk.before_term,
                      .commit = std::max(disk.before, Index(1)),
                      .memberships = {{disk.before, disk.before_membership}}};
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

void CoreCluster::Tick(NodeId id) {
  raft(id).Tick();
  CarryOut(id, nullptr);
}

Result<Index> CoreCluster::Propose(NodeId id) {
  const Result<Index> index = raft(id).Propose(EntryKind::kData, 100);
  CarryOut(id, nullptr);
  return index;
}

Result<Index> CoreCluster::ProposeMembership(NodeId id, const Membership& next) {
  const Result<Index> index = raft(id).ProposeMembership(next, 100);
  if (index) {
    memberships_[{*index, raft(id).status().term}] = next;
    ++seen.memberships;
  }
  CarryOut(id, nullptr);
  return index;
}

void CoreCluster::Transfer(NodeId from, NodeId to) {
  if (raft(from).TransferTo(to)) ++seen.transfers;
  CarryOut(from, nullptr);
}

void CoreCluster::ReadIndex(NodeId id, std::uint64_t read) {
  nodes_.at(id).asked[read] = max_committed_;
  raft(id).ReadIndex(read);
  CarryOut(id, nullptr);
}

void CoreCluster::PeerUnreachable(NodeId id, NodeId peer) {
  raft(id).PeerUnreachable(peer);
  CarryOut(id, nullptr);
}

void CoreCluster::EndTurn(NodeId id, std::uint64_t entries_max) {
  for (const Progress& follower : raft(id).followers()) {
    const NodeId to = follower.replica.node;
    while (const auto range = raft(id).NextToSend(to)) {
      const Index last = std::min(range->last, range->first.Plus(entries_max - 1));
      letters_.push_back({id, to, raft(id).MakeAppend(to, last)});
    }
  }
  raft(id).EndTurn();
  CarryOut(id, nullptr);
}

// What a real owner reads from the entries.
RaftMessage CoreCluster::FillIn(RaftMessage message) const {
  auto* const append = std::get_if<AppendRequest>(&message.body);
  if (append == nullptr) return message;
  append->memberships.clear();
  std::size_t run = 0;
  for (Index index = append->previous.Next(); index <= append->last; index = index.Next()) {
    while (run + 1 < append->runs.size() && append->runs[run + 1].first <= index) ++run;
    const auto found = memberships_.find({index, append->runs[run].term});
    if (found != memberships_.end()) append->memberships.push_back({index, found->second});
  }
  return message;
}

void CoreCluster::DeliverCopy(std::size_t which) {
  const Letter letter = letters_.at(which);
  if (!nodes_.contains(letter.to) || !IsUp(letter.to)) return;
  const RaftMessage message = FillIn(letter.message);
  raft(letter.to).Step(message);
  CarryOut(letter.to, &message);
}

void CoreCluster::Deliver(std::size_t which) {
  const Letter letter = letters_.at(which);
  Drop(which);
  letters_.push_front(letter);
  DeliverCopy(0);
  letters_.pop_front();
}

void CoreCluster::Drop(std::size_t which) {
  letters_.erase(letters_.begin() + static_cast<std::ptrdiff_t>(which));
}

void CoreCluster::CarryOut(NodeId id, const RaftMessage* stepped) {
  Node& node = nodes_.at(id);
  Output output;
  node.raft->TakeOutput(&output);
  Job job{.hard_state = output.hard_state,
          .reset = output.reset,
          .truncate_after = output.truncate_after,
          .mark = output.mark};
  for (const AppendedEntry& entry : output.append) {
    const auto found = memberships_.find({entry.index, entry.term});
    job.append.push_back(
        {entry.index,
         {entry.term, found == memberships_.end() ? std::nullopt : std::optional(found->second)}});
  }
  if (!output.received.IsEmpty()) {
    const auto& append = std::get<AppendRequest>(stepped->body);
    std::size_t run = 0;
    for (Index index = output.received.first; index <= output.received.last; index = index.Next()) {
      while (run + 1 < append.runs.size() && append.runs[run + 1].first <= index) ++run;
      Entry entry{append.runs[run].term, std::nullopt};
      for (const MembershipAt& at : append.memberships) {
        if (at.index == index) entry.membership = at.membership;
      }
      job.append.push_back({index, entry});
    }
  }
  if (output.truncate_after) ++seen.truncations;
  if (output.reset) ++seen.resets;
  Apply(job, &node.staged);
  if (job.hard_state || job.reset || job.truncate_after || !job.append.empty())
    node.jobs.push_back(std::move(job));
  for (RaftMessage& message : output.messages) {
    letters_.push_back({id, message.to.node, std::move(message)});
  }
  for (const ReadState& read : output.reads) {
    node.reads.push_back(read);
    const auto asked = node.asked.find(read.id);
    if (!read.is_confirmed || asked == node.asked.end()) continue;
    ++seen.reads;
    // A linearizable read sees what was committed anywhere before it was asked.
    RAFTMQ_CHECK(read.index >= asked->second);
  }
  Watch(id);
}

void CoreCluster::Apply(const Job& job, Disk* disk) {
  if (job.hard_state) disk->hard_state = *job.hard_state;
  if (job.reset) {
    for (const Entry& entry : disk->entries) {
      if (entry.membership) disk->before_membership = *entry.membership;
    }
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

NodeId CoreCluster::Leader() const {
  NodeId leader;
  Term term;
  for (const auto& [id, node] : nodes_) {
    if (!node.raft || node.raft->status().role != RaftRole::kLeader) continue;
    if (node.raft->status().term < term) continue;
    leader = id;
    term = node.raft->status().term;
  }
  return leader;
}

void CoreCluster::Watch(NodeId id) {
  const Node& node = nodes_.at(id);
  const RaftStatus& now = node.raft->status();
  if (now.role == RaftRole::kLeader) {
    // Election safety: at most one leader can be elected in a given term.
    const auto [leader, is_new] = leaders_.emplace(now.term, id);
    RAFTMQ_CHECK(leader->second == id);
    if (is_new) ++seen.elections;
    // Leader completeness: what is committed stands in the logs of all later leaders.
    for (const auto& [index, term] : committed_) {
      if (!is_new) break;
      if (index <= node.staged.before) continue;
      RAFTMQ_CHECK(node.raft->TermAt(index) == term);
    }
  }
  RAFTMQ_CHECK(node.raft->status().last == node.staged.last());
  // Log matching: same index and term, same entry before it.
  for (Index index = node.staged.before.Next(); index <= now.last; index = index.Next()) {
    const Term term = *node.raft->TermAt(index);
    const Term before = *node.raft->TermAt(index.Minus(1));
    RAFTMQ_CHECK(previous_.emplace(std::pair(index, term), before).first->second == before);
  }
  // State machine safety: nobody ever commits another entry at an index.
  for (Index index = std::max(node.staged.before, Index(1)).Next(); index <= now.commit;
       index = index.Next()) {
    const Term term = *node.raft->TermAt(index);
    RAFTMQ_CHECK(committed_.emplace(index, term).first->second == term);
  }
  if (now.commit <= max_committed_) return;
  max_committed_ = now.commit;
  // Acked means synced on a majority of the membership that counts at the leader.
  std::size_t holders = 0;
  std::size_t voters = 0;
  for (const Replica& replica : node.raft->membership()) {
    if (!replica.voter) continue;
    ++voters;
    const Disk& disk = nodes_.at(replica.node).disk;
    if (disk.last() < now.commit) continue;
    if (now.commit <= disk.before ||
        disk.entries[now.commit.value() - disk.before.value() - 1].term ==
            *node.raft->TermAt(now.commit))
      ++holders;
  }
  RAFTMQ_CHECK(holders >= QuorumOf(voters));
}

}  // namespace raftmq
