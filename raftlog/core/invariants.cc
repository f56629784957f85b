#include "raftlog/core/invariants.h"

#include "protocol/types/check.h"
#include "raftlog/core/quorum.h"

namespace raftmq {

void RaftInvariants::Check(const Raft& raft) {
  const RaftStatus& now = raft.status_;
  RAFTMQ_CHECK(now.last == raft.log_.last());
  RAFTMQ_CHECK(now.commit <= now.last);
  RAFTMQ_CHECK(now.commit >= raft.log_.first().Minus(1));
  RAFTMQ_CHECK(now.durable.last <= now.last);
  RAFTMQ_CHECK(now.durable.hard_state_number <= raft.hard_state_number_);
  // An entry is made by a leader of its term, so a log cannot be ahead of its replica's term.
  RAFTMQ_CHECK(raft.log_.last_term() <= now.term);
  RAFTMQ_CHECK(raft.uncommitted_.empty() == (now.uncommitted_bytes == 0));
  if (!raft.uncommitted_.empty()) RAFTMQ_CHECK(raft.uncommitted_.front().index > now.commit);
  // At most one membership is not committed, the newest.
  RAFTMQ_CHECK(!raft.memberships_.empty());
  if (raft.memberships_.size() > 1) RAFTMQ_CHECK(raft.memberships_[1].index > now.commit);
  if (now.role == RaftRole::kCandidate) RAFTMQ_CHECK(now.vote == raft.config_.self.node);
  if (now.role == RaftRole::kCandidate) RAFTMQ_CHECK(now.leader == NodeId(0));
  if (now.role == RaftRole::kPreCandidate) RAFTMQ_CHECK(now.leader == NodeId(0));
  if (raft.is_quiet_) {
    RAFTMQ_CHECK(now.role == RaftRole::kFollower);
    RAFTMQ_CHECK(now.leader != NodeId(0));
  }
  if (now.role != RaftRole::kLeader) {
    RAFTMQ_CHECK(raft.followers_.empty());
    RAFTMQ_CHECK(now.leader != raft.config_.self.node);
    return;
  }
  RAFTMQ_CHECK(now.vote == raft.config_.self.node);
  RAFTMQ_CHECK(now.leader == raft.config_.self.node);
  // I-02: nobody acts as leader on a vote that a power cut could undo.
  RAFTMQ_CHECK(now.durable.hard_state_number == raft.hard_state_number_);
  RAFTMQ_CHECK(!raft.AwaitsCheckpoint());
  // The no-op stands at the start of the term.
  RAFTMQ_CHECK(raft.log_.last_term() == now.term);
  for (const Progress& follower : raft.followers_) {
    RAFTMQ_CHECK(follower.durable <= follower.matched);
    RAFTMQ_CHECK(follower.durable <= follower.synced);
    RAFTMQ_CHECK(follower.matched < follower.next);
    RAFTMQ_CHECK(follower.matched <= now.last);
    if (follower.is_quiet) RAFTMQ_CHECK(!follower.is_probing);
  }
}

RaftInvariants::Step::~Step() {
  Check(raft_);
  const RaftStatus& now = raft_.status();
  RAFTMQ_CHECK(now.term >= before_.term);
  // A vote never changes within its term.
  if (now.term == before_.term && before_.vote != NodeId(0)) RAFTMQ_CHECK(now.vote == before_.vote);
  // Nor does the leader's log lose anything while it leads.
  RAFTMQ_CHECK(now.commit >= before_.commit);
  if (now.role == RaftRole::kLeader && before_.role == RaftRole::kLeader) {
    RAFTMQ_CHECK(now.term == before_.term);
    RAFTMQ_CHECK(now.last >= before_.last);
    // I-05: by counting, only entries of the own term.
    if (now.commit > before_.commit) RAFTMQ_CHECK(raft_.TermAt(now.commit) == now.term);
  }
}

}  // namespace raftmq
