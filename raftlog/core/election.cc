// Elections (Raft paper, section 5.2).
#include <algorithm>

#include "protocol/types/check.h"
#include "raftlog/core/quorum.h"
#include "raftlog/core/raft.h"

namespace raftmq {

void Raft::Campaign() {
  status_.role = RaftRole::kCandidate;
  status_.leader = NodeId(0);
  SetHardState({.term = status_.term.Next(), .vote = config_.self});
}

// A candidate counts its own vote only once it is durable: else a restart could forget it and vote
// for another in the same term (section 5.2; invariant I-02).
bool Raft::HasWon() const {
  const std::size_t votes = status_.durable.hard_state_number == hard_state_number_ ? 1 : 0;
  return votes >= QuorumOf(config_.voters.size());
}

void Raft::BecomeLeader() {
  RAFTMQ_CHECK(status_.vote == config_.self);
  status_.role = RaftRole::kLeader;
  status_.leader = config_.self;
  progress_.clear();
  for (const NodeId voter : config_.voters) progress_.push_back({voter, Index(0)});
  // Entries of earlier terms commit only along with one of this term (section 5.4.2); the no-op
  // makes sure that there is one (section 8).
  Append(EntryKind::kNoOp, kBatchHeaderBytes);
}

void Raft::SetHardState(const HardState& state) {
  RAFTMQ_CHECK(state.term >= status_.term);
  status_.term = state.term;
  status_.vote = state.vote;
  ++hard_state_number_;
  unsaved_ = state;
}

}  // namespace raftmq
