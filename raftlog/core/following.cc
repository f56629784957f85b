// A follower's log (Raft paper, section 5.3, receiver's side).
#include <algorithm>

#include "protocol/types/check.h"
#include "raftlog/core/raft.h"

namespace raftmq {

void Raft::Follow(ReplicaId leader) {
  BecomeFollower(status_.term, leader.node);
  leader_id_ = leader;
  ResetElectionTimer();
}

void Raft::OnAppendRequest(const RaftMessage& message, const AppendRequest& request) {
  RAFTMQ_CHECK(status_.role != RaftRole::kLeader);  // Two leaders in one term.
  Follow(message.from);
  if (!Agrees(request)) return Reject(message, request);
  const Index agreed = TakeEntries(request);
  verified_ = std::max(verified_, agreed);
  // Only what this message has verified: what lies behind may be of another history (Redpanda,
  // ScyllaDB #9965).
  const Index commit = std::min(request.commit, agreed);
  if (commit > status_.commit) SetCommit(commit);
  Send(message.from, MakeAck(request.round));
  if (request.goes_quiet) FollowQuietly(request);
}

// What is committed agrees with every later leader, also where it is no longer kept (openraft
// #511).
bool Raft::Agrees(const AppendRequest& request) const {
  if (request.previous <= status_.commit) return true;
  if (damage_.Find(request.previous) != nullptr) return false;
  return log_.TermAt(request.previous) == request.previous_term;
}

void Raft::Reject(const RaftMessage& message, const AppendRequest& request) {
  const Index from = std::min(log_.last(), request.previous);
  Index hint = log_.LastAtMost(from, request.previous_term);
  // Of what cannot be read nobody knows the term; what is committed agrees all the same.
  while (hint > status_.commit && damage_.Find(hint) != nullptr)
    hint = std::max(status_.commit, damage_.Find(hint)->first.Minus(1));
  const bool is_lost = !damage_.empty() || !HoldsItsPromise();
  if (is_lost) acked_synced_ = std::min({acked_synced_, hint, request.previous.Minus(1)});
  Send(message.from, AppendRejection{.previous = request.previous,
                                     .hint = hint,
                                     .hint_term = log_.TermAt(hint).value_or(Term(0)),
                                     .round = request.round,
                                     .is_lost = is_lost});
}

// Returns up to where the log agrees with the leader's now.
Index Raft::TakeEntries(const AppendRequest& request) {
  const Index agreed =
      std::max({request.previous, log_.first().Minus(1), status_.commit, verified_});
  if (agreed >= request.last) return request.last;
  const auto [at, is_known] = FindNew(request, agreed.Next());
  if (!is_known) return at.Minus(1);
  if (at > request.last) return request.last;
  if (at <= log_.last()) TruncateAfter(at.Minus(1));
  std::size_t run = 0;
  const auto term_of = [&](Index index) {
    while (run + 1 < request.runs.size() && request.runs[run + 1].first <= index) ++run;
    return request.runs[run].term;
  };
  received_ = {.first = at, .last = request.last};
  for (Index index = at; index <= request.last; index = index.Next()) {
    RAFTMQ_CHECK(log_.Append(term_of(index)) == index);
  }
  status_.last = log_.last();
  for (const MembershipAt& membership : request.memberships) {
    if (membership.index >= at) memberships_.push_back(membership);
  }
  return request.last;
}

void Raft::TruncateAfter(Index last_kept) {
  RAFTMQ_CHECK(last_kept >= status_.commit);
  RAFTMQ_CHECK(damage_.Find(last_kept) == nullptr);
  const bool takes_damage = !damage_.empty() && damage_.last() > last_kept;
  if (takes_damage) KeepPromise();
  damage_.TruncateAfter(last_kept);
  log_.TruncateAfter(last_kept);
  ++cuts_;
  status_.last = log_.last();
  status_.durable.last = std::min(status_.durable.last, last_kept);
  uncut_ = uncut_ ? std::min(*uncut_, last_kept) : last_kept;
  // A membership goes with its entry (section 6).
  while (memberships_.size() > 1 && memberships_.back().index > last_kept) memberships_.pop_back();
}

void Raft::OnResetRequest(const RaftMessage& message, const ResetRequest& request) {
  RAFTMQ_CHECK(status_.role != RaftRole::kLeader);
  Follow(message.from);
  // All before the leader's log start is committed: a log that reaches there needs no reset, and a
  // late or doubled message must not drop what has been acked since.
  const bool is_same =
      damage_.Find(request.before) == nullptr && log_.TermAt(request.before) == request.before_term;
  const bool has_it = request.before <= status_.commit || is_same;
  if (!has_it) ResetTo(request);
  verified_ = std::max(verified_, request.before);
  Send(message.from, MakeAck(request.round));
}

void Raft::ResetTo(const ResetRequest& request) {
  if (!damage_.empty()) KeepPromise();
  damage_ = {};
  log_ = TermRuns(request.before, request.before_term);
  ++cuts_;
  uncut_.reset();
  unreset_ = request;
  status_.last = log_.last();
  // That the old log is gone is not synced yet: until then only what was committed here may be
  // claimed, or a power cut would bring another entry `before` back.
  status_.durable.last = std::min(status_.durable.last, status_.commit);
  status_.commit = request.before;
  memberships_ = {{request.before, request.membership}};
  knows_membership_ = true;
  base_checkpoint_last_ = request.checkpoint_last;
}

AppendReply Raft::MakeAck(std::uint64_t round) {
  const Index durable = std::min(CountedDurable(), verified_);
  const Index synced = std::min(status_.durable.last, verified_);
  acked_ = std::max(acked_, durable);
  acked_synced_ = std::max(acked_synced_, synced);
  return {.matched = verified_, .durable = durable, .round = round, .synced = synced};
}

// More of what agrees with the leader's log is synced. Behind damage that counts for nothing, but
// the leader waits for it before it sends more.
void Raft::AckDurable() {
  if (status_.role != RaftRole::kFollower || status_.leader == NodeId(0)) return;
  const Index durable = std::min(CountedDurable(), verified_);
  const Index synced = std::min(status_.durable.last, verified_);
  if (durable > acked_ || synced > acked_synced_) Send(leader_id_, MakeAck(0));
}

}  // namespace raftmq
