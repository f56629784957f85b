// Elections (Raft paper, section 5.2), with pre-votes (thesis, section 9.6) and stickiness (4.2.3).
#include <algorithm>

#include "protocol/types/check.h"
#include "raftlog/core/quorum.h"
#include "raftlog/core/raft.h"

namespace raftmq {

void Raft::TickElection(bool may_campaign) {
  if (is_quiet_) return;
  ++election_elapsed_;  // Also where nobody campaigns: a learner must not stick to a lost leader.
  if (!may_campaign || !MayCampaign()) return;
  // While the own vote is being written nothing better can be done than to wait for it.
  if (status_.role == RaftRole::kCandidate && !IsHardStateDurable()) return;
  if (IsSoleVoter()) return Campaign(false);
  if (election_elapsed_ >= election_timeout_ + DamageTicks()) PreCampaign();
}

// Whose log is damaged lets the others go first, for two timeouts: it can win, but not lead before
// it is whole (DESIGN.md section 5).
std::uint32_t Raft::DamageTicks() const {
  return damage_.empty() ? 0 : 2 * config_.election_ticks_max;
}

void Raft::ResetElectionTimer() {
  election_elapsed_ = 0;
  const std::uint32_t spread = config_.election_ticks_max - config_.election_ticks_min;
  election_timeout_ =
      config_.election_ticks_min + static_cast<std::uint32_t>(random_.Below(spread));
  // Of a new group: the others may not have founded their replicas yet, so it asks again soon.
  if (config_.campaigns_at_once && status_.term == Term(0))
    election_timeout_ = config_.heartbeat_ticks;
}

// A voter that an uncommitted change removes may be the only one whose log is up to date: it still
// campaigns, though its own vote does not count (thesis, section 4.2.2).
bool Raft::MayCampaign() const {
  if (AwaitsCheckpoint() || !HoldsItsPromise() || !knows_membership_) return false;
  for (const MembershipAt& at : memberships_) {
    for (const Replica& replica : at.membership) {
      if (replica.voter && replica.id() == config_.self) return true;
    }
  }
  return false;
}

bool Raft::IsSoleVoter() const { return VoterCount() == 1 && IsVoter(config_.self); }

bool Raft::HasLiveLeader() const {
  if (status_.role == RaftRole::kLeader) return true;
  if (status_.leader == NodeId(0)) return false;
  return is_quiet_ || election_elapsed_ < config_.election_ticks_min;
}

// Section 5.4.1.
bool Raft::IsUpToDate(const VoteRequest& request) const {
  return LogEnd{request.last_term, request.last} >= VotingEnd();
}

// Asks whether an election could be won before it raises its term: a replica that was cut off
// disturbs nobody when it returns. The leader is forgotten, so that two who ask each other are not
// held up by one that has gone (etcd #8334).
void Raft::PreCampaign() {
  BecomeFollower(status_.term, NodeId(0));
  status_.role = RaftRole::kPreCandidate;
  ResetElectionTimer();
  AskForVotes({.is_pre_vote = true, .last = log_.last(), .last_term = log_.last_term()},
              status_.term.Next());
}

void Raft::Campaign(bool is_transfer) {
  BecomeFollower(status_.term.Next(), NodeId(0));
  status_.role = RaftRole::kCandidate;
  SetHardState({.term = status_.term, .vote = config_.self.node});
  ResetElectionTimer();
  AskForVotes({.is_transfer = is_transfer, .last = log_.last(), .last_term = log_.last_term()},
              status_.term);
}

void Raft::AskForVotes(const VoteRequest& request, Term term) {
  for (const Replica& replica : membership()) {
    if (replica.voter && replica.id() != config_.self) SendInTerm(replica.id(), term, request);
  }
}

// A candidate counts its own vote only once it is durable: else a restart could forget it and vote
// for another in the same term (section 5.2; invariant I-02). A pre-vote promises nothing.
bool Raft::HasWon() const {
  if (status_.role == RaftRole::kCandidate && !IsHardStateDurable()) return false;
  std::size_t votes = IsVoter(config_.self) ? 1 : 0;
  for (const ReplicaId& id : granted_) votes += IsVoter(id) ? 1 : 0;
  return votes >= QuorumOf(VoterCount());
}

bool Raft::HasLost() const {
  std::size_t against = 0;
  for (const ReplicaId& id : refused_) against += IsVoter(id) ? 1 : 0;
  return VoterCount() - against < QuorumOf(VoterCount());
}

void Raft::MaybeWin() {
  if (!HasWon()) return;
  if (status_.role == RaftRole::kPreCandidate) return Campaign(false);
  BecomeLeader();
}

void Raft::BecomeLeader() {
  RAFTMQ_CHECK(status_.vote == config_.self.node);
  status_.role = RaftRole::kLeader;
  status_.leader = config_.self.node;
  granted_.clear();
  refused_.clear();
  heartbeat_elapsed_ = 0;
  quorum_elapsed_ = 0;
  followers_.clear();
  FollowMembership();
  // Entries of earlier terms commit only along with one of this term (section 5.4.2); the no-op
  // makes sure that there is one (section 8).
  Append(EntryKind::kNoOp, kBatchHeaderBytes);
}

void Raft::OnVoteRequest(const RaftMessage& message, const VoteRequest& request) {
  if (request.is_pre_vote) return OnPreVoteRequest(message, request);
  const bool is_free = status_.vote == NodeId(0) || status_.vote == message.from.node;
  // Whoever knows this term's leader need not vote any more.
  const bool is_granted = is_free && status_.leader == NodeId(0) && IsUpToDate(request);
  if (is_granted) {
    if (status_.role == RaftRole::kPreCandidate) BecomeFollower(status_.term, NodeId(0));
    // The reply leaves when this is durable.
    if (status_.vote == NodeId(0)) SetHardState({.term = status_.term, .vote = message.from.node});
    ResetElectionTimer();
  }
  Send(message.from, VoteReply{.is_granted = is_granted});
}

// Rejected, it gets our real term: one behind learns of it, and nobody waits for ever (etcd #8501).
void Raft::OnPreVoteRequest(const RaftMessage& message, const VoteRequest& request) {
  const bool is_granted = message.term > status_.term && !HasLiveLeader() && IsUpToDate(request);
  SendInTerm(message.from, is_granted ? message.term : status_.term,
             VoteReply{.is_pre_vote = true, .is_granted = is_granted});
  // Who asks does not hear its leader; it need not wait for the next heartbeat.
  if (Progress* const follower = FindFollower(message.from)) follower->is_empty_due = true;
}

void Raft::OnVoteReply(const RaftMessage& message, const VoteReply& reply) {
  const RaftRole asked = reply.is_pre_vote ? RaftRole::kPreCandidate : RaftRole::kCandidate;
  if (status_.role != asked) return;
  // A granted pre-vote is one for the term that we would begin.
  const Term expected = reply.is_pre_vote && reply.is_granted ? status_.term.Next() : status_.term;
  if (message.term != expected) return;
  (reply.is_granted ? granted_ : refused_).insert(message.from);
  MaybeWin();
  if (status_.role == asked && HasLost()) BecomeFollower(status_.term, NodeId(0));
}

}  // namespace raftmq
