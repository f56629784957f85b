#include "raftlog/core/raft.h"

#include <algorithm>

#include "protocol/types/check.h"
#include "raftlog/core/invariants.h"

namespace raftmq {

Raft::Raft(const RaftConfig& config, const RestoredState& restored)
    : config_(config), log_(restored.runs, restored.last) {
  RAFTMQ_CHECK(config_.voters == std::vector<NodeId>{config_.self});
  RAFTMQ_CHECK(restored.commit <= restored.last);
  status_.term = std::max(restored.hard_state.term, log_.last_term());
  // A vote counts in its own term only.
  if (status_.term == restored.hard_state.term) status_.vote = restored.hard_state.vote;
  status_.last = log_.last();
  status_.commit = restored.commit;
  status_.durable = IssuedMark();
  RaftInvariants::Check(*this);
}

void Raft::Tick() {
  const RaftInvariants::Step step(*this);
  if (status_.role == RaftRole::kFollower) Campaign();
}

void Raft::Persisted(const DurableMark& mark) {
  const RaftInvariants::Step step(*this);
  RAFTMQ_CHECK(mark.hard_state_number >= status_.durable.hard_state_number);
  RAFTMQ_CHECK(mark.last >= status_.durable.last);
  RAFTMQ_CHECK(mark.hard_state_number <= hard_state_number_);
  RAFTMQ_CHECK(mark.last <= log_.last());
  status_.durable = mark;
  if (status_.role == RaftRole::kCandidate && HasWon()) BecomeLeader();
  if (status_.role == RaftRole::kLeader) MaybeCommit();
}

void Raft::TakeOutput(Output* output) {
  output->hard_state = unsaved_;
  unsaved_.reset();
  output->append.clear();
  output->append.swap(unappended_);
  output->commit = status_.commit;
  output->mark = IssuedMark();
}

DurableMark Raft::IssuedMark() const {
  return {.hard_state_number = hard_state_number_, .cuts = 0, .last = log_.last()};
}

}  // namespace raftmq
