// The leader's log and its commitment (Raft paper, sections 5.3 and 5.4).
#include <fmt/format.h>

#include <algorithm>

#include "protocol/types/check.h"
#include "raftlog/core/invariants.h"
#include "raftlog/core/quorum.h"
#include "raftlog/core/raft.h"

namespace raftmq {
namespace {

Error NotLeader(const RaftStatus& status) {
  const std::string who = status.leader == NodeId(0)
                              ? std::string("no leader is known")
                              : fmt::format("node {} leads", status.leader.value());
  return {ErrorCode::kNotLeader,
          fmt::format("this replica does not lead in term {}: {}", status.term.value(), who)};
}

}  // namespace

Result<Index> Raft::Propose(EntryKind kind, std::size_t bytes) {
  const RaftInvariants::Step step(*this);
  if (status_.role != RaftRole::kLeader) return Fail(NotLeader(status_));
  return Append(kind, bytes);
}

Index Raft::Append(EntryKind kind, std::size_t bytes) {
  RAFTMQ_CHECK(status_.role == RaftRole::kLeader);
  const Index index = log_.Append(status_.term);
  status_.last = index;
  unappended_.push_back({.index = index, .term = status_.term, .kind = kind});
  uncommitted_.push_back({index, bytes});
  status_.uncommitted_bytes += bytes;
  return index;
}

void Raft::MaybeCommit() {
  std::vector<Index> reached;
  reached.reserve(progress_.size());
  for (Progress& progress : progress_) {
    // The leader counts itself like any other: by what it has synced.
    if (progress.voter == config_.self) progress.match = status_.durable.last;
    reached.push_back(progress.match);
  }
  const Index majority = QuorumIndex(std::move(reached));
  if (majority <= status_.commit) return;
  // Only entries of the own term commit by counting (section 5.4.2, figure 8).
  if (log_.TermAt(majority) != status_.term) return;
  SetCommit(majority);
}

void Raft::SetCommit(Index commit) {
  RAFTMQ_CHECK(commit >= status_.commit);
  RAFTMQ_CHECK(commit <= log_.last());
  status_.commit = commit;
  while (!uncommitted_.empty() && uncommitted_.front().index <= commit) {
    status_.uncommitted_bytes -= uncommitted_.front().bytes;
    uncommitted_.pop_front();
  }
}

}  // namespace raftmq
