// The safety rules of the Raft paper (figure 3), watched after every step of a CoreCluster.
#include <algorithm>

#include "protocol/types/check.h"
#include "raftlog/core/quorum.h"
#include "tests/raftlog/core/core_cluster.h"

namespace raftmq {

void CoreCluster::Watch(NodeId id) {
  if (raft(id).status().role == RaftRole::kLeader) WatchElection(id);
  WatchLog(id);
  WatchCommit(id);
}

void CoreCluster::WatchElection(NodeId id) {
  const Node& node = nodes_.at(id);
  // Election safety: at most one leader can be elected in a given term.
  const auto [leader, is_new] = leaders_.emplace(node.raft->status().term, id);
  RAFTMQ_CHECK(leader->second == id);
  if (!is_new) return;
  ++seen.elections;
  // Leader completeness: what is committed stands in the logs of all later leaders.
  for (const auto& [index, term] : committed_) {
    if (index <= node.staged.before) continue;
    RAFTMQ_CHECK(index <= node.staged.last());
    RAFTMQ_CHECK(node.staged.at(index).term == term);
  }
}

void CoreCluster::WatchLog(NodeId id) {
  const Node& node = nodes_.at(id);
  const RaftStatus& now = node.raft->status();
  RAFTMQ_CHECK(now.last == node.staged.last());
  // Log matching: same index and term, same entry before it.
  for (Index index = node.staged.before.Next(); index <= now.last; index = index.Next()) {
    if (!node.staged.IsWhole(index)) continue;
    const Term term = *node.raft->TermAt(index);
    RAFTMQ_CHECK(node.staged.at(index).term == term);
    if (index.Minus(1) > node.staged.before && !node.staged.IsWhole(index.Minus(1))) continue;
    const Term before = *node.raft->TermAt(index.Minus(1));
    RAFTMQ_CHECK(previous_.emplace(std::pair(index, term), before).first->second == before);
  }
  // State machine safety: nobody ever commits another entry at an index.
  for (Index index = std::max(node.staged.before, Index(1)).Next(); index <= now.commit;
       index = index.Next()) {
    const Term term = node.staged.at(index).term;
    RAFTMQ_CHECK(committed_.emplace(index, term).first->second == term);
  }
}

// Acked means synced on a majority of the membership that counts at the leader.
void CoreCluster::WatchCommit(NodeId id) {
  const Node& node = nodes_.at(id);
  const Index commit = node.raft->status().commit;
  if (commit <= max_committed_) return;
  max_committed_ = commit;
  const Term term =
      commit > node.staged.before ? node.staged.at(commit).term : *node.raft->TermAt(commit);
  std::size_t holders = 0;
  std::size_t voters = 0;
  for (const Replica& replica : node.raft->membership()) {
    if (!replica.voter) continue;
    ++voters;
    const Disk& disk = nodes_.at(replica.node).disk;
    if (disk.last() < commit) continue;
    if (commit <= disk.before ||
        disk.entries[commit.value() - disk.before.value() - 1].term == term)
      ++holders;
  }
  RAFTMQ_CHECK(holders >= QuorumOf(voters));
}

}  // namespace raftmq
