// A log with damaged entries (DESIGN.md section 5, "Damage and voting"). What was promised stays
// promised: the replica votes by the end of its log as ever. But it counts itself only up to the
// damage, campaigns after all others, and never lets go of what may be committed:
//
//   1. Up to the commit the log agrees with every leader's, readable or not: nothing is compared,
//      nothing cut. These entries are repaired, from whoever has them (raftlog/DESIGN.md).
//   2. Above it, a damaged run is the leader's as well if a whole entry behind it is (log matching,
//      Raft paper section 5.3). It is not if that entry has another term there, or if the leader's
//      entries within the run are of a term that the run cannot have.
//   3. Else nobody can tell: nothing from the run on is taken, and nothing is cut. Only a run at
//      the log's end is taken anew, since nothing that can be read goes with it.
//   4. Where the log is cut, the damaged entries before the conflict go too, since a log cannot end
//      with an entry that nobody can read. They may be committed: the replica asks for them in the
//      same breath, and until its log reaches further again it votes by the end that it had, and
//      does not campaign.
//   5. If damaged entries may have changed the membership, it does not campaign either: it could
//      win by a majority of those who were members once.
#include <algorithm>
#include <utility>
#include <variant>

#include "raftlog/core/invariants.h"
#include "raftlog/core/raft.h"

namespace raftmq {

void Raft::SetDamage(DamagedRuns damage) {
  const RaftInvariants::Step step(*this);
  damage_ = std::move(damage);
  ForgetVerified();
  ForgetUnsentAcks();
  AckDurable();
  if (status_.role == RaftRole::kLeader) MaybeCommit();
}

// What was the same as the leader's above the commit cannot be told any more, nor where in a run
// that ends.
void Raft::ForgetVerified() {
  const DamagedRun* const run = damage_.FirstFrom(status_.commit.Next());
  if (run == nullptr) return;
  verified_ = std::min(verified_, std::max(status_.commit, run->first.Minus(1)));
  acked_ = std::min(acked_, verified_);
}

// The last entry up to `index` that is not damaged.
Index Raft::ReadableUpTo(Index index) const {
  while (const DamagedRun* const run = damage_.Find(index)) index = run->first.Minus(1);
  return index;
}

// Acks that wait for the hard state may be older than what is known now: they leave without what
// cannot be read.
void Raft::ForgetUnsentAcks() {
  const Index counted = CountedDurable();
  for (RaftMessage& message : unsent_) {
    auto* const reply = std::get_if<AppendReply>(&message.body);
    if (reply == nullptr || reply->durable <= counted) continue;
    reply->durable = counted;
    acked_ = std::min(acked_, counted);
  }
}

Index Raft::CountedDurable() const {
  const Index durable = status_.durable.last;
  // By what it can read of its log it may have been alone once.
  const bool is_alone = IsSoleVoter() && knows_membership_;
  return damage_.empty() || is_alone ? durable : std::min(durable, damage_.first().Minus(1));
}

LogEnd Raft::VotingEnd() const {
  return std::max(LogEnd{log_.last_term(), log_.last()}, promised_);
}

bool Raft::HoldsItsPromise() const { return LogEnd{log_.last_term(), log_.last()} >= promised_; }

// Before damaged entries go from the log: durable before they are.
void Raft::KeepPromise() {
  promised_ = VotingEnd();
  SetHardState({.term = status_.term, .vote = status_.vote});
}

// The first of the message's entries from `from` on that this log lacks or has otherwise; the
// message's last + 1 if there is none. Not known: whether that at `at` is another one.
Raft::NewEntry Raft::FindNew(const AppendRequest& request, Index from) const {
  std::size_t run = 0;
  const auto term_of = [&](Index index) {
    while (run + 1 < request.runs.size() && request.runs[run + 1].first <= index) ++run;
    return request.runs[run].term;
  };
  Index at = from;
  while (at <= request.last && at <= log_.last()) {
    const DamagedRun* const damaged = damage_.Find(at);
    if (damaged == nullptr) {
      // Late and doubled messages repeat what is there: only a real conflict cuts (Redpanda
      // #18523).
      // A log cannot be cut behind what nobody can read.
      if (log_.TermAt(at) != term_of(at)) return {at, damage_.Find(at.Minus(1)) == nullptr};
      at = at.Next();
      continue;
    }
    const bool is_last = damaged->last == log_.last();
    const bool is_other = term_of(std::min(request.last, damaged->last)) > damaged->term_max;
    const Index behind = damaged->last.Next();
    const bool reaches_behind = !is_last && request.last >= behind;
    if (reaches_behind && !is_other && log_.TermAt(behind) == term_of(behind)) {
      at = behind;
      continue;
    }
    const bool is_known = is_last || is_other || reaches_behind;
    return {at, is_known && at == damaged->first};
  }
  return {at};
}

}  // namespace raftmq
