// The Raft machine of one replica (Ongaro and Ousterhout, "In search of an understandable consensus
// algorithm"; Ongaro's thesis): a pure step machine without I/O, clock, threads or payload bytes.
// The same construction and the same inputs give the same outputs.
//
//   inputs:  Tick, Step(message), Propose..., ReadIndex, TransferTo, PeerUnreachable, GiveUp,
//            Persisted, and what was sent: MakeAppend
//   outputs: TakeOutput after each input: what the owner has to save, cut, append and send
//
// Entries' bytes stay with the owner. A leader's owner asks NextToSend for each follower, gathers
// as many of these entries as suit one message, and has MakeAppend write the header; EndTurn then
// owes a header without entries to whoever has waited for one. A follower's owner calls TakeOutput
// right after Step: `received` names which entries of that very message join its log.
//
// The owner carries outputs out in order and, once everything taken so far is synced, hands the
// mark of the last output back by Persisted. Messages are put out only when the term that they bear
// is durable, with the vote in it (I-02).
//
//   raft.cc         inputs, terms, outputs      election.cc   timers, pre-votes, votes
//   replication.cc  the leader's log, commit    following.cc  a follower's log
//   membership.cc   one change at a time        reading.cc    ReadIndex
//   transfer.cc     handing leadership on       quiet.cc      settled groups without heartbeats
//   damage.cc       a log with damaged entries
//   invariants.cc   what must hold after every input
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/hard_state.h"
#include "protocol/types/ids.h"
#include "protocol/types/membership.h"
#include "protocol/types/split_mix.h"
#include "raftlog/core/damaged_run.h"
#include "raftlog/core/messages.h"
#include "raftlog/core/progress.h"
#include "raftlog/core/term_runs.h"
#include "raftmq/result.h"

namespace raftmq {

struct RaftConfig {
  ReplicaId self;
  std::uint64_t seed = 0;  // Of the election timers.
  std::uint32_t heartbeat_ticks = 5;
  std::uint32_t election_ticks_min = 50;   // Timeouts are drawn from [min, max).
  std::uint32_t election_ticks_max = 100;  // REQUIRES: > min > heartbeat_ticks.
  std::uint32_t rank_ticks = 2;            // Between followers that lost their leader's node.
  // For the replica that is to lead a new group: its first election timeout is one tick, and those
  // before the group's first term heartbeat_ticks.
  bool campaigns_at_once = false;
  // A settled leader stops its heartbeats: its owner has to call PeerSilent when the other side's
  // shard no longer vouches for the group (raftlog/heartbeats.h).
  bool goes_quiet = false;
  std::size_t in_flight_max = 16;  // Appends with entries under way to one follower.
};

// What a restarted replica knows. All of it is durable (DESIGN.md section 4, Recovery).
struct RestoredState {
  HardState hard_state;
  std::vector<TermRun> runs;  // Of the log from its first kept entry; empty: nothing is kept.
  Index last;
  Term before_term;  // Of the entry before the first kept one.
  Index commit;      // A lower bound: the commit floor found in the log.
  // The one that counts before the first kept entry behind the newest checkpoint, then those of
  // the configuration entries behind it. Never empty.
  std::vector<MembershipAt> memberships;
  // Of a log that was reset: the last part of the checkpoint that it begins with; 0 = none.
  Index base_checkpoint_last;
  std::vector<DamagedRun> damage;  // See Raft::SetDamage.
  // False if damaged entries may have said who the members are: then it does not campaign.
  bool knows_membership = true;
};

// How much of a replica's own state is synced. Everything named by a mark is covered by each later
// one.
struct DurableMark {
  std::uint64_t hard_state_number = 0;  // Hard states put out so far.
  std::uint64_t cuts = 0;               // Truncations and resets so far.
  Index last;                           // Last entry.
  bool operator==(const DurableMark&) const = default;
};

// An entry that joined the leader's log.
struct AppendedEntry {
  Index index;
  Term term;
  EntryKind kind = EntryKind::kData;
  bool operator==(const AppendedEntry&) const = default;
};

// Entries [first, last] of the message just stepped; none if last < first.
struct ReceivedEntries {
  Index first = Index(1);
  Index last;
  bool IsEmpty() const { return last < first; }
  bool operator==(const ReceivedEntries&) const = default;
};

// A linearizable read may be served once everything up to `index` is applied here. Not confirmed:
// it has to be asked again.
struct ReadState {
  std::uint64_t id = 0;
  bool is_confirmed = false;
  Index index;
  bool operator==(const ReadState&) const = default;
};

// Work orders, to be carried out from top to bottom.
struct Output {
  std::optional<HardState> hard_state;  // Save it.
  std::optional<ResetRequest> reset;    // Drop the whole log; it begins behind `before`. Durably.
  std::optional<Index> truncate_after;  // Drop all entries above.
  std::vector<AppendedEntry> append;    // In order; those not proposed by the owner are no-ops.
  ReceivedEntries received;             // Of the message just stepped.
  std::vector<RaftMessage> messages;    // They may leave now.
  std::vector<ReadState> reads;
  Index commit;      // Never goes back.
  DurableMark mark;  // Give it to Persisted once this output and all before it are synced.
};

enum class RaftRole : std::uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

struct RaftStatus {
  RaftRole role = RaftRole::kFollower;
  Term term;
  NodeId vote;    // In this term; 0 = none.
  NodeId leader;  // 0 = none known.
  Index last;
  Index commit;                       // <= last.
  DurableMark durable;                // Last mark given to Persisted, less what was cut since.
  std::size_t uncommitted_bytes = 0;  // Of proposals of this leader above commit.
  std::size_t silences = 0;  // Voters that a look of CheckQuorum found silent, all together.
};

// Owned by one thread.
class Raft {
 public:
  // The current term is the greater of the stored one and the last entry's.
  Raft(const RaftConfig& config, const RestoredState& restored);

  // Time passes. A sole voter needs to wait for nobody: without a leader it campaigns at once.
  // `may_campaign`: whether there is room for the no-op of a new term.
  void Tick(bool may_campaign = true);
  // A message came in. Those for another replica or from beyond any credible term have no effect.
  void Step(const RaftMessage& message);
  // Appends an entry of `bytes` bytes to the leader's log and returns its index; the term is
  // status().term. Errors: kNotLeader (also while leadership is being handed on).
  Result<Index> Propose(EntryKind kind, std::size_t bytes);
  // The same for a configuration entry; it counts from now on. One replica may be added as learner,
  // be promoted once it has caught up, or be removed, at a time.
  // Errors: kNotLeader; kNotYet before the first commit of this term, while another change is under
  // way, or if the learner is behind; kInvalidArgument for more than one change.
  Result<Index> ProposeMembership(const Membership& next, std::size_t bytes);
  // Asks for the index that a linearizable read must have seen; the answer comes as a ReadState
  // with this id. Any replica; it may get lost with a message: ask again after a while.
  void ReadIndex(std::uint64_t id);
  // Hands leadership to a voter once it has everything. Given up after an election timeout.
  // Errors: kNotLeader; kInvalidArgument if it is no other voter.
  Status TransferTo(NodeId to);
  // The connection to a node broke: a leader probes it again; its followers do not wait for their
  // timers, but campaign one after the other, by rank.
  void PeerUnreachable(NodeId node);
  // Nobody vouches any more for the quiet peer on `node`, who was last heard `ticks` ago: a leader
  // sends it heartbeats again, a follower's election timer goes on from there.
  void PeerSilent(NodeId node, std::uint32_t ticks);
  // These entries cannot be read any more, by index and disjoint; none that is cut off or deleted
  // need be named again. Until they are repaired this replica counts itself only up to the first of
  // them, and campaigns last (damage.cc).
  void SetDamage(DamagedRuns damage);
  // What SetDamage said last, without what the log has been cut of since.
  const DamagedRuns& damage() const { return damage_; }
  // This replica's disk hangs: leads no more, and asks the voter that has most to campaign at once.
  // Messages and timers go on.
  void GiveUp();
  // Everything up to `mark` is synced on this replica. REQUIRES: `mark` was put out, and not before
  // the last one given.
  void Persisted(const DurableMark& mark);
  // The owner has deleted all entries before `first_kept`. REQUIRES: <= commit + 1.
  void TruncateBefore(Index first_kept);

  // Entries that could go to a follower now; nullopt if there are none, or it has enough under way.
  struct SendRange {
    Index first;
    Index last;
  };
  std::optional<SendRange> NextToSend(NodeId to) const;
  // The header for entries [NextToSend().first, last], which are under way from now on.
  RaftMessage MakeAppend(NodeId to, Index last);
  // The others of the group, when leader.
  const std::vector<Progress>& followers() const { return followers_; }
  // Once all that suited was sent: headers without entries for those who still wait for something.
  void EndTurn();

  // Replaces *output by what has come up since the last call.
  void TakeOutput(Output* output);

  const RaftStatus& status() const { return status_; }
  // nullopt outside the kept log and the entry before it.
  std::optional<Term> TermAt(Index index) const { return log_.TermAt(index); }
  const Membership& membership() const { return memberships_.back().membership; }
  // Whom it follows; nullopt if nobody.
  std::optional<ReplicaId> leader_id() const {
    const bool follows = status_.role == RaftRole::kFollower && status_.leader != NodeId(0);
    return follows ? std::optional(leader_id_) : std::nullopt;
  }
  // False while damaged entries may have said otherwise.
  bool KnowsMembership() const { return knows_membership_; }
  // Whether Propose would take an entry.
  bool IsAccepting() const {
    return status_.role == RaftRole::kLeader && transfer_to_ == NodeId(0);
  }
  // False for a term beyond any that an honest group reaches: a message with it has no effect.
  bool IsCredible(Term term) const;
  // True once an entry of the leader's own term is committed: then it knows what is.
  bool KnowsCommit() const;
  // True after a reset until the checkpoint that the log begins with is synced here: there is
  // nothing to lead with or to serve from yet.
  bool AwaitsCheckpoint() const { return status_.durable.last < base_checkpoint_last_; }
  // True while it needs no ticks: a follower whose leader is quiet, or a leader with nothing to do
  // that is quiet towards a quorum, and towards all whom it has heard lately.
  bool IsQuiet() const;
  // A leader's heartbeat for those whom it has not heard lately: once in a while while it is quiet.
  void BeatLost();
  // Rises at least whenever IsQuiet or Progress::is_quiet changes.
  std::uint64_t quiet_changes() const { return quiet_changes_; }

 private:
  friend class RaftInvariants;

  struct Uncommitted {
    Index index;
    std::size_t bytes = 0;
  };
  struct PendingRead {
    std::uint64_t round = 0;  // Confirmed once a quorum has answered this one.
    ReplicaId asker;
    std::uint64_t id = 0;
    Index index;
  };

  // raft.cc
  bool IsCredible(const RaftMessage& message) const;
  bool TakeTermOf(const RaftMessage& message);
  void AnswerOldTerm(const RaftMessage& message);
  void BecomeFollower(Term term, NodeId leader);
  void SetHardState(const HardState& state);
  void Send(ReplicaId to, RaftBody body);
  void SendInTerm(ReplicaId to, Term term, RaftBody body);
  bool IsHardStateDurable() const;
  DurableMark IssuedMark() const;
  Progress* FindFollower(ReplicaId id);
  Progress* FindFollower(NodeId node);

  // election.cc
  void TickElection(bool may_campaign);
  std::uint32_t DamageTicks() const;
  void ResetElectionTimer();
  bool MayCampaign() const;
  bool IsSoleVoter() const;
  bool HasLiveLeader() const;
  bool IsUpToDate(const VoteRequest& request) const;
  void PreCampaign();
  void Campaign(bool is_transfer);
  void AskForVotes(const VoteRequest& request, Term term);
  bool HasWon() const;
  bool HasLost() const;
  void MaybeWin();
  void BecomeLeader();
  void OnVoteRequest(const RaftMessage& message, const VoteRequest& request);
  void OnPreVoteRequest(const RaftMessage& message, const VoteRequest& request);
  void OnVoteReply(const RaftMessage& message, const VoteReply& reply);

  // replication.cc
  void TickLeader();
  void CheckQuorum();
  Index Append(EntryKind kind, std::size_t bytes);
  void OnAppendReply(const RaftMessage& message, const AppendReply& reply);
  void OnAppendRejection(const RaftMessage& message, const AppendRejection& rejection);
  void Heard(Progress& follower, std::uint64_t round);
  AppendRequest MakeHeader(Index previous, Index last) const;
  bool NeedsReset(const Progress& follower) const;
  void SendEmpty(Progress& follower);
  void OweAll();
  void MaybeCommit();
  void SetCommit(Index commit);

  // following.cc
  void Follow(ReplicaId leader);
  void OnAppendRequest(const RaftMessage& message, const AppendRequest& request);
  void OnResetRequest(const RaftMessage& message, const ResetRequest& request);
  void ResetTo(const ResetRequest& request);
  bool Agrees(const AppendRequest& request) const;
  void Reject(const RaftMessage& message, const AppendRequest& request);
  Index TakeEntries(const AppendRequest& request);
  void TruncateAfter(Index last_kept);
  AppendReply MakeAck(std::uint64_t round);
  void AckDurable();

  // damage.cc
  void ForgetVerified();
  Index ReadableUpTo(Index index) const;
  void ForgetUnsentAcks();
  Index CountedDurable() const;
  LogEnd VotingEnd() const;
  bool HoldsItsPromise() const;
  struct NewEntry {
    Index at;
    bool is_known = true;
  };
  NewEntry FindNew(const AppendRequest& request, Index from) const;
  void KeepPromise();

  // quiet.cc
  bool IsSettled(const Progress& follower) const;
  void SetQuiet(Progress& follower, bool is_quiet);
  void SetLost(Progress& follower, bool is_lost);
  void SetQuiet(bool is_quiet);
  void FollowQuietly(const AppendRequest& request);

  // membership.cc
  bool IsVoter(ReplicaId id) const;
  bool IsMember(ReplicaId id) const;
  std::size_t VoterCount() const;
  Status CheckChange(const Membership& next) const;
  void FollowMembership();
  void ForgetCommittedMemberships();

  // reading.cc
  void StartRead(ReplicaId asker, std::uint64_t id);
  void OnReadRequest(const RaftMessage& message, const ReadRequest& request);
  void OnReadReply(const ReadReply& reply);
  void MaybeConfirmReads();
  void AnswerRead(const PendingRead& read, bool is_confirmed);
  void FailReads();

  // transfer.cc
  void MaybeFinishTransfer();
  void OnTransferNow(const RaftMessage& message);

  const RaftConfig config_;
  TermRuns log_;
  std::vector<MembershipAt> memberships_;  // The last one counts; older ones for truncations.
  RaftStatus status_;
  SplitMix random_;
  std::uint64_t hard_state_number_ = 0;  // Of the current hard state; rises with each change.
  std::uint64_t cuts_ = 0;               // Truncations and resets.

  Index base_checkpoint_last_;  // See RestoredState.

  DamagedRuns damage_;
  LogEnd promised_;        // See HardState.
  bool knows_membership_;  // See RestoredState.

  std::uint32_t election_elapsed_ = 0;  // Ticks since the leader was heard, or a vote was given.
  std::uint32_t election_timeout_ = 0;  // Drawn anew with each start of the timer.
  std::set<ReplicaId> granted_;         // Votes or pre-votes, as a candidate; the own one apart.
  std::set<ReplicaId> refused_;

  std::uint32_t heartbeat_elapsed_ = 0;  // As a leader.
  std::uint32_t quorum_elapsed_ = 0;
  std::vector<Progress> followers_;
  std::deque<Uncommitted> uncommitted_;  // Entries above commit appended by this leader.
  std::uint64_t round_ = 0;              // Newest leadership check that was sent.
  std::deque<PendingRead> reads_;
  NodeId transfer_to_;  // 0 = none.
  std::uint32_t transfer_elapsed_ = 0;
  bool is_transfer_sent_ = false;

  ReplicaId leader_id_;    // As a follower: who status_.leader is. No member if it removes itself.
  Index verified_;         // As a follower: agrees with this term's leader up to here.
  Index acked_;            // What the leader was told to be durable in this term,
  Index acked_synced_;     // and to be synced.
  bool is_quiet_ = false;  // The leader's shard speaks for it.
  std::uint64_t quiet_changes_ = 0;

  std::optional<HardState> unsaved_;  // Not yet put out, like all that follows.
  std::optional<ResetRequest> unreset_;
  std::optional<Index> uncut_;
  std::vector<AppendedEntry> unappended_;
  ReceivedEntries received_;
  std::vector<RaftMessage> unsent_;  // Each waits until its sender's hard state is durable.
  std::vector<ReadState> read_states_;
};

}  // namespace raftmq
