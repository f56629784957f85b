#include "raftlog/core/raft.h"

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/core/invariants.h"

namespace raftmq {
namespace {

// No honest group gets there: a message with such a term is a fault of its sender, not news.
constexpr std::uint64_t kTermJumpMax = 1u << 20;

TermRuns LogOf(const RestoredState& restored) {
  if (restored.runs.empty()) return {restored.last, restored.before_term};
  return {restored.runs, restored.last, restored.before_term};
}

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace

Raft::Raft(const RaftConfig& config, const RestoredState& restored)
    : config_(config),
      log_(LogOf(restored)),
      memberships_(restored.memberships),
      random_(config.seed),
      base_checkpoint_last_(restored.base_checkpoint_last),
      damage_(restored.damage),
      promised_(restored.hard_state.promised),
      knows_membership_(restored.knows_membership) {
  RAFTMQ_CHECK(config_.heartbeat_ticks > 0);
  RAFTMQ_CHECK(config_.heartbeat_ticks < config_.election_ticks_min);
  RAFTMQ_CHECK(config_.election_ticks_min < config_.election_ticks_max);
  RAFTMQ_CHECK(!memberships_.empty());
  RAFTMQ_CHECK(restored.commit <= restored.last);
  status_.term = std::max(restored.hard_state.term, log_.last_term());
  // A vote counts in its own term only.
  if (status_.term == restored.hard_state.term) status_.vote = restored.hard_state.vote;
  status_.last = log_.last();
  status_.commit = restored.commit;
  status_.durable = IssuedMark();
  ForgetCommittedMemberships();
  ResetElectionTimer();
  if (config_.campaigns_at_once) election_timeout_ = 1;
  RaftInvariants::Check(*this);
}

void Raft::Tick(bool may_campaign) {
  const RaftInvariants::Step step(*this);
  if (status_.role == RaftRole::kLeader) {
    TickLeader();
  } else {
    TickElection(may_campaign);
  }
}

void Raft::Step(const RaftMessage& message) {
  const RaftInvariants::Step step(*this);
  received_ = {};
  if (!IsCredible(message)) return;
  if (!TakeTermOf(message)) return;
  std::visit(Overloaded{
                 [&](const VoteRequest& body) { OnVoteRequest(message, body); },
                 [&](const VoteReply& body) { OnVoteReply(message, body); },
                 [&](const AppendRequest& body) { OnAppendRequest(message, body); },
                 [&](const AppendReply& body) { OnAppendReply(message, body); },
                 [&](const AppendRejection& body) { OnAppendRejection(message, body); },
                 [&](const ResetRequest& body) { OnResetRequest(message, body); },
                 [&](const TransferNow&) { OnTransferNow(message); },
                 [&](const ReadRequest& body) { OnReadRequest(message, body); },
                 [&](const ReadReply& body) { OnReadReply(body); },
             },
             message.body);
}

bool Raft::IsCredible(const RaftMessage& message) const {
  if (message.to != config_.self) return false;
  if (message.from.node == config_.self.node) return false;
  return IsCredible(message.term);
}

bool Raft::IsCredible(Term term) const {
  return term.value() <= status_.term.value() + kTermJumpMax;
}

// Brings the term in line with the message's (section 5.1); false if that is all there is to it.
bool Raft::TakeTermOf(const RaftMessage& message) {
  if (message.term == status_.term) return true;
  if (message.term < status_.term) {
    AnswerOldTerm(message);
    return false;
  }
  if (const auto* vote = std::get_if<VoteRequest>(&message.body)) {
    if (vote->is_pre_vote) return true;  // A question about a term, not yet a term.
    // Who hears a leader is not disturbed by those who do not (thesis, section 4.2.3).
    if (HasLiveLeader() && !vote->is_transfer) return false;
  }
  if (const auto* reply = std::get_if<VoteReply>(&message.body)) {
    if (reply->is_pre_vote && reply->is_granted) return true;  // It bears the term we asked for.
  }
  const bool is_leaders = std::holds_alternative<AppendRequest>(message.body) ||
                          std::holds_alternative<ResetRequest>(message.body);
  BecomeFollower(message.term, is_leaders ? message.from.node : NodeId(0));
  return true;
}

// The sender lives in the past: whoever would go on acting on it is told our term. A pre-candidate
// with a higher term but an older log would else wait for ever, and so would a leader that was
// deposed by a vote it has not heard of.
void Raft::AnswerOldTerm(const RaftMessage& message) {
  if (const auto* append = std::get_if<AppendRequest>(&message.body)) {
    Send(message.from, AppendRejection{.previous = append->previous});
  } else if (std::holds_alternative<ResetRequest>(message.body)) {
    Send(message.from, AppendRejection{});
  } else if (const auto* vote = std::get_if<VoteRequest>(&message.body)) {
    Send(message.from, VoteReply{.is_pre_vote = vote->is_pre_vote, .is_granted = false});
  }
}

void Raft::BecomeFollower(Term term, NodeId leader) {
  if (term > status_.term) {
    SetHardState({.term = term, .vote = NodeId(0)});
    verified_ = Index(0);
    acked_ = acked_synced_ = Index(0);
  }
  if (status_.role == RaftRole::kLeader) ResetElectionTimer();
  if (status_.role == RaftRole::kLeader) ++quiet_changes_;
  SetQuiet(false);
  status_.role = RaftRole::kFollower;
  status_.leader = leader;
  granted_.clear();
  refused_.clear();
  followers_.clear();
  uncommitted_.clear();
  status_.uncommitted_bytes = 0;
  transfer_to_ = NodeId(0);
  FailReads();
}

void Raft::SetHardState(const HardState& state) {
  RAFTMQ_CHECK(state.term >= status_.term);
  // What was to be said in an earlier term is no longer true.
  if (state.term > status_.term) unsent_.clear();
  status_.term = state.term;
  status_.vote = state.vote;
  ++hard_state_number_;
  unsaved_ = HardState{.term = state.term, .vote = state.vote, .promised = promised_};
}

void Raft::Send(ReplicaId to, RaftBody body) { SendInTerm(to, status_.term, std::move(body)); }

void Raft::SendInTerm(ReplicaId to, Term term, RaftBody body) {
  unsent_.push_back({.from = config_.self, .to = to, .term = term, .body = std::move(body)});
}

bool Raft::IsHardStateDurable() const {
  return status_.durable.hard_state_number == hard_state_number_;
}

void Raft::PeerUnreachable(NodeId node) {
  const RaftInvariants::Step step(*this);
  if (status_.role == RaftRole::kLeader) {
    Progress* const follower = FindFollower(node);
    if (follower == nullptr) return;
    follower->Probe(follower->next);
    SetQuiet(*follower, false);
    return;
  }
  if (status_.leader != node) return;
  SetQuiet(false);
  status_.leader = NodeId(0);
  if (!MayCampaign()) return;
  std::uint32_t rank = 0;
  for (const Replica& replica : membership()) {
    if (replica.voter && replica.node != node && replica.node < config_.self.node) ++rank;
  }
  election_elapsed_ = 0;
  election_timeout_ = 1 + rank * config_.rank_ticks + static_cast<std::uint32_t>(random_.Below(2));
}

void Raft::Persisted(const DurableMark& mark) {
  const RaftInvariants::Step step(*this);
  RAFTMQ_CHECK(mark.hard_state_number >= status_.durable.hard_state_number);
  RAFTMQ_CHECK(mark.hard_state_number <= hard_state_number_);
  RAFTMQ_CHECK(mark.cuts >= status_.durable.cuts);
  RAFTMQ_CHECK(mark.cuts <= cuts_);
  status_.durable.hard_state_number = mark.hard_state_number;
  status_.durable.cuts = mark.cuts;
  // A mark from before a cut names entries that may be others by now.
  if (mark.cuts == cuts_) {
    RAFTMQ_CHECK(mark.last >= status_.durable.last);
    RAFTMQ_CHECK(mark.last <= log_.last());
    status_.durable.last = mark.last;
  }
  if (status_.role == RaftRole::kCandidate) MaybeWin();
  if (status_.role == RaftRole::kLeader) MaybeCommit();
  AckDurable();
}

void Raft::TruncateBefore(Index first_kept) {
  RAFTMQ_CHECK(first_kept <= status_.commit.Next());
  if (first_kept > log_.first()) log_.TruncateBefore(first_kept);
  damage_.TruncateBefore(first_kept);
}

void Raft::TakeOutput(Output* output) {
  output->hard_state = std::exchange(unsaved_, std::nullopt);
  output->reset = std::exchange(unreset_, std::nullopt);
  output->truncate_after = std::exchange(uncut_, std::nullopt);
  output->append.clear();
  output->append.swap(unappended_);
  output->received = std::exchange(received_, {});
  output->messages.clear();
  if (IsHardStateDurable()) output->messages.swap(unsent_);
  output->reads.clear();
  output->reads.swap(read_states_);
  output->commit = status_.commit;
  output->mark = IssuedMark();
}

DurableMark Raft::IssuedMark() const {
  return {.hard_state_number = hard_state_number_, .cuts = cuts_, .last = log_.last()};
}

Progress* Raft::FindFollower(ReplicaId id) {
  Progress* const found = FindFollower(id.node);
  return found != nullptr && found->replica.number == id.number ? found : nullptr;
}

Progress* Raft::FindFollower(NodeId node) {
  for (Progress& follower : followers_) {
    if (follower.replica.node == node) return &follower;
  }
  return nullptr;
}

}  // namespace raftmq
