// The leader's log: replication and commitment (Raft paper, sections 5.3 and 5.4).
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

void Raft::TickLeader() {
  if (++heartbeat_elapsed_ >= config_.heartbeat_ticks) {
    heartbeat_elapsed_ = 0;
    for (Progress& follower : followers_) {
      follower.is_waiting = false;
      if (follower.is_quiet) continue;
      follower.is_empty_due = true;
      follower.may_go_quiet = true;
    }
  }
  if (transfer_to_ != NodeId(0) && ++transfer_elapsed_ >= config_.election_ticks_min)
    transfer_to_ = NodeId(0);
  if (++quorum_elapsed_ >= config_.election_ticks_min) {
    quorum_elapsed_ = 0;
    CheckQuorum();
  }
}

// A leader that hears no majority makes room: clients turn to another (thesis, section 6.2).
void Raft::CheckQuorum() {
  std::size_t heard = IsVoter(config_.self) ? 1 : 0;
  for (Progress& follower : followers_) {
    const bool lives = follower.was_heard || follower.is_quiet;
    if (follower.replica.voter) ++(lives ? heard : status_.silences);
    if (!lives) SetLost(follower, true);
    follower.was_heard = false;
  }
  if (heard < QuorumOf(VoterCount())) BecomeFollower(status_.term, NodeId(0));
}

Result<Index> Raft::Propose(EntryKind kind, std::size_t bytes) {
  RAFTMQ_CHECK(kind != EntryKind::kConfiguration);
  const RaftInvariants::Step step(*this);
  if (status_.role != RaftRole::kLeader) return Fail(NotLeader(status_));
  if (transfer_to_ != NodeId(0)) {
    return Fail(ErrorCode::kNotLeader,
                fmt::format("leadership is being handed to node {}", transfer_to_.value()));
  }
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

bool Raft::NeedsReset(const Progress& follower) const { return follower.next < log_.first(); }

std::optional<Raft::SendRange> Raft::NextToSend(NodeId to) const {
  for (const Progress& follower : followers_) {
    if (follower.replica.node != to) continue;
    if (follower.next > log_.last() || NeedsReset(follower)) return std::nullopt;
    if (ReadableUpTo(follower.next.Minus(1)) < follower.next.Minus(1)) return std::nullopt;
    if (follower.is_probing ? follower.is_waiting
                            : follower.in_flight.size() >= config_.in_flight_max)
      return std::nullopt;
    return SendRange{follower.next, log_.last()};
  }
  return std::nullopt;
}

AppendRequest Raft::MakeHeader(Index previous, Index last) const {
  return {.previous = previous,
          .previous_term = *log_.TermAt(previous),
          .commit = status_.commit,
          .round = round_,
          .last = last,
          .runs = log_.Slice(previous, last)};
}

RaftMessage Raft::MakeAppend(NodeId to, Index last) {
  const std::optional<SendRange> range = NextToSend(to);
  RAFTMQ_CHECK(range.has_value());
  RAFTMQ_CHECK(last >= range->first);
  RAFTMQ_CHECK(last <= range->last);
  RAFTMQ_CHECK(IsHardStateDurable());
  Progress& follower = *FindFollower(to);
  RaftMessage message{.from = config_.self,
                      .to = follower.replica.id(),
                      .term = status_.term,
                      .body = MakeHeader(follower.next.Minus(1), last)};
  follower.is_empty_due = false;
  follower.commit_sent = std::min(status_.commit, last);
  SetQuiet(follower, false);
  if (follower.is_probing) {
    follower.is_waiting = true;
  } else {
    follower.next = last.Next();
    follower.in_flight.push_back(last);
  }
  return message;
}

void Raft::EndTurn() {
  const RaftInvariants::Step step(*this);
  if (status_.role != RaftRole::kLeader) return;
  if (!reads_.empty() && reads_.back().round > round_) {
    ++round_;
    OweAll();
  }
  for (Progress& follower : followers_) {
    if (follower.is_empty_due) SendEmpty(follower);
  }
}

void Raft::SendEmpty(Progress& follower) {
  // Of damaged entries only a guess at their terms is known, with which a follower must not agree.
  const Index previous = ReadableUpTo(follower.next.Minus(1));
  if (previous < follower.next.Minus(1)) follower.Probe(previous.Next());
  const bool goes_quiet = follower.may_go_quiet && IsSettled(follower);
  follower.is_empty_due = false;
  follower.commit_sent = std::min(status_.commit, previous);
  SetQuiet(follower, goes_quiet);
  if (NeedsReset(follower)) {
    const Index before = log_.first().Minus(1);
    return Send(
        follower.replica.id(),
        ResetRequest{.before = before, .before_term = *log_.TermAt(before), .round = round_});
  }
  AppendRequest header = MakeHeader(previous, previous);
  header.goes_quiet = goes_quiet;
  Send(follower.replica.id(), std::move(header));
}

void Raft::OweAll() {
  for (Progress& follower : followers_) follower.is_empty_due = true;
}

void Raft::Heard(Progress& follower, std::uint64_t round) {
  follower.was_heard = true;
  follower.is_silent = false;
  SetLost(follower, false);
  follower.round_seen = std::max(follower.round_seen, round);
  MaybeConfirmReads();
}

void Raft::OnAppendReply(const RaftMessage& message, const AppendReply& reply) {
  if (status_.role != RaftRole::kLeader) return;
  Progress* const follower = FindFollower(message.from);
  if (follower == nullptr || reply.matched > log_.last() || reply.durable > reply.matched) return;
  follower->Agree(reply.matched);
  follower->durable = std::max(follower->durable, reply.durable);
  follower->synced =
      std::max({follower->synced, reply.durable, std::min(reply.synced, reply.matched)});
  // A follower takes the commit only as far as a message has verified its log: what was beyond a
  // probe has to be said again.
  if (std::min(status_.commit, follower->matched) > follower->commit_sent)
    follower->is_empty_due = true;
  Heard(*follower, reply.round);
  MaybeCommit();
  MaybeFinishTransfer();
}

void Raft::OnAppendRejection(const RaftMessage& message, const AppendRejection& rejection) {
  if (status_.role != RaftRole::kLeader) return;
  Progress* const follower = FindFollower(message.from);
  if (follower == nullptr || rejection.previous == Index(0)) return;
  if (rejection.is_lost) follower->Lose(std::min(rejection.hint, rejection.previous.Minus(1)));
  // Late news of a place that was settled since: only that it lives.
  const bool is_stale = follower->is_probing ? rejection.previous != follower->next.Minus(1)
                                             : rejection.previous <= follower->durable;
  const Index tried = follower->next;
  if (!is_stale) {
    SetQuiet(*follower, false);
    // Whatever lies between has a term that the follower cannot have there (section 5.3, the fast
    // way back).
    const Index hint = std::min({rejection.hint, log_.last(), rejection.previous.Minus(1)});
    follower->Probe(hint < log_.first() ? hint.Next()
                                        : log_.LastAtMost(hint, rejection.hint_term).Next());
  }
  const bool has_moved = !is_stale && follower->next != tried;
  Heard(*follower, rejection.round);
  // The same question again can wait for the next heartbeat.
  if (status_.role == RaftRole::kLeader && has_moved) follower->is_empty_due = true;
}

bool Raft::KnowsCommit() const {
  return status_.role == RaftRole::kLeader && log_.TermAt(status_.commit) == status_.term;
}

void Raft::MaybeCommit() {
  std::vector<Index> reached;
  // The leader counts itself like any other: by what it has synced; not at all if it is no voter.
  if (IsVoter(config_.self)) reached.push_back(CountedDurable());
  for (const Progress& follower : followers_) {
    if (follower.replica.voter) reached.push_back(follower.durable);
  }
  const Index majority = QuorumIndex(std::move(reached));
  if (majority <= status_.commit) return;
  // Only entries of the own term commit by counting (section 5.4.2, figure 8).
  if (log_.TermAt(majority) != status_.term) return;
  SetCommit(majority);
  OweAll();  // Consumers of all replicas wait for it.
  // A leader that has removed itself leads until that is committed (section 6).
  if (!IsMember(config_.self) && memberships_.back().index <= status_.commit) {
    EndTurn();
    BecomeFollower(status_.term, NodeId(0));
  }
}

void Raft::SetCommit(Index commit) {
  RAFTMQ_CHECK(commit >= status_.commit);
  RAFTMQ_CHECK(commit <= log_.last());
  status_.commit = commit;
  ForgetCommittedMemberships();
  while (!uncommitted_.empty() && uncommitted_.front().index <= commit) {
    status_.uncommitted_bytes -= uncommitted_.front().bytes;
    uncommitted_.pop_front();
  }
}

}  // namespace raftmq
