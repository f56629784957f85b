#include "raftlog/core/invariants.h"

#include "protocol/types/check.h"

namespace raftmq {

void RaftInvariants::Check(const Raft& raft) {
  const RaftStatus& now = raft.status_;
  RAFTMQ_CHECK(now.last == raft.log_.last());
  RAFTMQ_CHECK(now.commit <= now.last);
  RAFTMQ_CHECK(now.durable.last <= now.last);
  RAFTMQ_CHECK(now.durable.hard_state_number <= raft.hard_state_number_);
  // An entry is made by a leader of its term, so a log cannot be ahead of its replica's term.
  RAFTMQ_CHECK(raft.log_.last_term() <= now.term);
  RAFTMQ_CHECK(raft.uncommitted_.empty() == (now.uncommitted_bytes == 0));
  if (!raft.uncommitted_.empty()) RAFTMQ_CHECK(raft.uncommitted_.front().index > now.commit);
  if (now.role != RaftRole::kFollower) RAFTMQ_CHECK(now.vote == raft.config_.self);
  if (now.role == RaftRole::kLeader) {
    RAFTMQ_CHECK(now.leader == raft.config_.self);
    // I-02: nobody acts as leader on a vote that a power cut could undo.
    RAFTMQ_CHECK(now.durable.hard_state_number == raft.hard_state_number_);
    // The no-op stands at the start of the term.
    RAFTMQ_CHECK(raft.log_.last_term() == now.term);
  }
}

RaftInvariants::Step::~Step() {
  Check(raft_);
  const RaftStatus& now = raft_.status();
  RAFTMQ_CHECK(now.term >= before_.term);
  // A vote never changes within its term.
  if (now.term == before_.term && before_.vote != NodeId(0)) RAFTMQ_CHECK(now.vote == before_.vote);
  RAFTMQ_CHECK(now.commit >= before_.commit);
  RAFTMQ_CHECK(now.durable.last >= before_.durable.last);
  // Nothing is ever removed from the log's tail: there is no other leader.
  RAFTMQ_CHECK(now.last >= before_.last);
  if (now.commit > before_.commit) {
    // I-05: by counting, only entries of the own term.
    RAFTMQ_CHECK(now.role == RaftRole::kLeader);
    RAFTMQ_CHECK(raft_.TermAt(now.commit) == now.term);
    // I-08: what counts is synced; with one voter that is all of it.
    RAFTMQ_CHECK(now.commit <= now.durable.last);
  }
}

}  // namespace raftmq
