// The one implementation of Group: it carries out what the core puts out, on the partition's log,
// the tail cache and the disk queue. DESIGN.md draws the ways through it. One role per file:
//
//   replica_group.cc          life cycle, ticks, status
//   replica_group_propose.cc  from a proposal to a stamped and staged entry
//   replica_group_session.cc  producers' sessions
//   replica_group_message_id.cc  messages that come again with the id of one that is there
//   replica_group_compare.cc  a leader's checkpoints against this replica's own
//   replica_group_roll.cc     room in the segment, checkpoints, the next segment
//   replica_group_disk.cc     jobs to the disk and back, commit, draining
//   replica_group_read.cc     fetch and lookup by time
//   replica_group_start.cc    the log start: trim and retention
//   replica_group_peers.cc    appends to and from the other replicas
//   replica_group_reset.cc    a follower below the leader's log start
//   replica_group_membership.cc  one change of the membership
//   replica_group_forward.cc  proposals and reads that need the leader, wherever it is
//   replica_group_transfer.cc leadership handed to another replica
//   replica_group_repair.cc   damaged entries replaced by copies of other replicas
//   replica_group_loss.cc     damaged entries that nobody has any more, given up
//   replica_group_scrub.cc    segments for the scrubber, and what it finds
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "raftlog/catch_up_pace.h"
#include "raftlog/command_applier.h"
#include "raftlog/core/raft.h"
#include "raftlog/damage_repair.h"
#include "raftlog/frames.h"
#include "raftlog/group.h"
#include "raftlog/group_factory.h"
#include "raftlog/log_reader.h"
#include "raftlog/log_state.h"
#include "raftlog/proposals.h"
#include "raftlog/tail_cache.h"

namespace raftmq {

// Shard-affine.
class ReplicaGroup final : public Group {
 public:
  ReplicaGroup(const GroupOptions& options, const GroupDeps& deps, OpenedLog opened);
  ~ReplicaGroup() override;

  using Group::Propose;
  void Propose(ByteBuffer buffer, std::size_t frame_at, std::size_t frame_bytes,
               const ProposeOptions& options, ProposeDone done) override;
  void OpenSession(SessionId session, std::uint32_t epoch,
                   std::function<void(Result<OpenedSession>)> done) override;
  void Fetch(Offset offset, std::size_t bytes_max, FetchDone done) override;
  void CheckPosition(Offset offset, Term term_before, std::function<void(Status)> done) override;
  void FindOffset(std::int64_t timestamp_ms,
                  std::function<void(Result<OffsetAtTime>)> done) override;
  void Trim(Offset log_start, std::function<void(Result<Offset>)> done) override;
  void AcceptLoss(Offset to, std::function<void(Result<AcceptedLoss>)> done) override;
  void SetOnCommit(std::function<void()> on_commit) override;
  void SetCapture(std::function<ByteBuffer()> capture) override;
  void SetRestore(std::function<void(ByteSpan)> restore) override;
  void SetApply(std::function<void(Index, ByteSpan)> apply) override;
  void ProposeAnywhere(ByteBuffer frame, ProposeDone done) override;
  void ReadIndex(std::function<void(Result<Offset>)> done) override;
  const Membership& membership() const override { return core_.membership(); }
  void ChangeMembership(const Membership& next, ProposeDone done) override;
  void TransferTo(NodeId to, std::function<void(Status)> done) override;
  void HandOver(std::function<void()> done) override;
  void Receive(PeerMessage message) override;
  void PeerUnreachable(NodeId node) override;
  void PeerSilent(NodeId node, std::uint32_t ticks) override;
  void Tick() override;
  bool IsQuiet() const override;
  void TurnEnd() override;
  GroupStatus status() const override;
  std::optional<Checkpoint> StateOfLog() const override;
  const Error* failure() const override { return failure_ ? &*failure_ : nullptr; }
  std::vector<DamagedRange> damage() const override;
  std::optional<SegmentScrub> CheckSegment(Index from) override;
  bool TakeDamage(const SegmentScrub& segment) override;
  void RepairMeta() override;
  void Drain(std::function<void()> done) override;

 private:
  // Kept free in the control reserve, so that each restart on a full disk finds room for its no-op.
  static constexpr std::size_t kNoOpBytes = AlignUp(kBatchHeaderBytes, kBatchAlignment);
  static constexpr int kBackgroundJobsPerTick = 8;
  static constexpr Microseconds kAnswerTimeout = std::chrono::seconds(5);

  // What came beside the message that is stepped.
  struct Received {
    std::vector<Frame> entries;
    std::optional<LogBase> base;
  };

  // A checkpoint that came from the leader, as this replica computes it.
  struct OwnCheckpoint {
    Index first;
    Checkpoint checkpoint;          // Of an internal topic: its state is added in the end.
    std::vector<ByteBuffer> parts;  // Empty before that.
  };

  // Entries for a follower that the cache no longer holds.
  struct CatchUp {
    Term term;  // In which they were asked for: a later leadership may have cut these entries.
    bool is_reading = false;
    std::optional<LogSlice> slice;
    CatchUpPace pace;
  };
  struct Forwarded {
    ProposeDone done;
    Microseconds due{0};
  };
  struct PendingRead {
    std::function<void(Result<Offset>)> done;
    Microseconds due{0};
    std::optional<Index> confirmed;
  };

  // Leadership on its way to another replica.
  struct Transfer {
    NodeId to;
    Microseconds due{0};  // Of the first sign of a leader.
    std::vector<std::function<void(Status)>> waiting;
  };

  using Answer = RepairReply::Answer;

  // What stands between an entry and the log.
  enum class Room {
    kGo,        // It fits now.
    kWait,      // The next segment is not ready, or a state machine has to catch up first.
    kFull,      // No space on the disk.
    kTooLarge,  // No segment takes it.
  };

  // replica_group.cc
  void TickCore();
  void BeatLost();
  bool HasRoomForTerm();
  bool IsDiskHanging() const;
  ReplicaId self() const { return raft_config_.self; }
  Error RefusedNotLeader() const;
  Status CheckServing() const;
  void UpdateGauges();
  void MeasureLog();

  std::uint64_t FollowerLag() const;
  void CountElections();

  // replica_group_propose.cc
  void Enter(Proposal proposal);
  Status CheckAdmission(const Proposal& proposal) const;
  void Admit(Proposal proposal);
  bool Settle(Proposal& proposal);
  bool SettleJudged(Proposal& proposal);
  bool AppendIf(Room room, Proposal& proposal);
  Status CheckBaseOffset(const Proposal& proposal) const;
  void ReleaseHeld();
  void Refuse(const Proposal& proposal, Room why);
  std::string WhyFull() const;
  void RefuseByState(Proposal proposal, Error why);
  void Append(Proposal proposal);
  void CarryOut(const Received& received);
  void StageOwn(const std::vector<AppendedEntry>& entries);
  void StageEntry(const AppendedEntry& entry, Proposal proposal);
  void CountStaged(std::size_t bytes);

  // replica_group_session.cc
  SessionJudgement Judge(const Proposal& proposal) const;
  void AnswerJudged(Proposal proposal, const SessionJudgement& judged);
  void AnswerDuplicate(Proposal proposal, const StoredBatch& stored);
  Error RefusedBySession(const Proposal& proposal, const SessionJudgement& judged);
  std::optional<Room> MakeRoomForSession();
  void MaybeExpireSessions();
  Room ProposeStateEntry(const SessionEntry& entry);

  // replica_group_message_id.cc
  std::optional<StoredBatch> FindRepeated(const Proposal& proposal) const;
  std::int64_t MessageIdsSinceMs() const;
  bool SettleRepeated(Proposal& proposal, const StoredBatch& stored);
  Status CheckMessageId(const Proposal& proposal) const;
  std::optional<Room> MakeRoomForMessageId();
  Error RefusedMessageIdsFull();
  void MaybeExpireMessageIds();
  Room ProposeMessageIdExpiry(std::int64_t before_ms);

  // replica_group_compare.cc
  bool CompareReceived(const Frame& part);
  bool CompareApplied(const Frame& part);
  bool Compare(const OwnCheckpoint& own, const Frame& part);
  void Stop(Error why);

  // replica_group_roll.cc
  Room MakeRoom(EntryKind kind, std::size_t bytes);
  bool Fits(EntryKind kind, std::size_t bytes) const;
  Room TryRoll();
  bool IsReadyToRoll() const;
  bool IsSpaceLow() const;
  bool IsDiskFull();
  std::vector<ByteBuffer> RollFrames(const Checkpoint& checkpoint);
  std::vector<Proposal> FirstOfTerm();
  Checkpoint MakeCheckpoint() const;
  Checkpoint MakeCheckpointOfLog(std::uint64_t segment_bytes) const;
  std::uint64_t NextCheckpointBytes();
  std::uint64_t SegmentBytesFor(std::uint64_t checkpoint_bytes) const;
  void MaybePrepareLargerSegment();

  // replica_group_disk.cc
  void MaybeSubmit();
  bool SubmitJob();
  bool SubmitBackground();
  void OnJobDone(std::unique_ptr<LogJob> job, const DurableMark& mark);
  void OnBackgroundDone(std::unique_ptr<LogJob> job);
  void OnAppliedOrCommitted();
  Index VisibleCommit() const;
  void AnswerCommitted();
  void MaybeFinishDrain();
  void FinishDrain();

  // replica_group_peers.cc
  void ReceiveRaft(RaftMessage message, const std::vector<SharedBytes>& frames);
  bool ContinuesLog(const AppendRequest& append, const std::vector<Frame>& entries) const;
  bool HasWhole(const LeaderBlock& leader) const;
  void KeepWhatFits(AppendRequest* append, std::vector<Frame>* entries);
  void CutBack(Index last_kept);
  void StageReceived(const Frame& entry);
  void SendToFollowers();
  std::vector<SharedBytes> GatherFrom(Index first, Index last) const;
  void ReadForCatchUp(const Progress& follower, const Raft::SendRange& range);
  std::vector<SharedBytes> TakeCatchUp(NodeId to, Index first);
  void Send(RaftMessage message, std::vector<SharedBytes> frames);
  Error UnknownOutcome() const;
  void TellHeartbeats();

  // replica_group_reset.cc
  void ResetLog(const LogBase& base);
  void TakeArrivedCheckpoint();
  void SendReset(RaftMessage message);
  bool SuitsBase(const std::vector<Frame>& entries) const;

  // replica_group_forward.cc
  void ReceiveProposal(const ForwardedProposal& proposal, std::vector<SharedBytes> frames);
  void ReceiveOutcome(const ForwardedOutcome& outcome);
  Error NotConfirmed() const;
  void TakeReadStates(const std::vector<ReadState>& states);
  void AnswerReads();
  void GiveUpLateAnswers();
  void EndQuestions(const Error& why);
  const Replica* FindMember(NodeId node) const;

  // replica_group_transfer.cc
  void SettleTransfer();
  void EndTransfer(const Status& outcome);
  std::optional<Status> OutcomeOfTransfer() const;
  void HandOverTo(std::vector<NodeId> to, std::function<void()> done);
  void MaybeLeaveForSpace();

  // replica_group_repair.cc
  void OnDamageMet(const DamagedRange& met, bool is_new);
  void AskForCopy();
  bool IsToBeCollected() const;
  void RepairDamage();
  bool MayBecomeWhole() const;
  Membership WhoMayHaveCopies() const;
  Error Repairing() const;
  // Damage that may yet be repaired, in front of this offset.
  bool MayHideRecords(Offset before) const;
  bool HasOnlyCopy() const;  // Nobody else can have one.
  void ReceiveRepairReply(const RepairReply& reply, std::vector<SharedBytes> frames);
  bool WasSplitBy(const RepairReply& reply, const std::vector<SharedBytes>& frames);
  DamagedRange RepairedWith(const DamagedRange& range) const;
  bool IsHopeless(const DamagedRange& range) const;
  bool IsToBeRepaired() const;
  std::unique_ptr<LogJob> TakeRepairJob();
  void FinishRepair();
  void TellCoreOfDamage();
  void HandOverIfDamaged();
  Error AsRetriable(Error error) const;
  void ReceiveRepairRequest(const RepairRequest& request);
  void AnswerRepair(const RepairRequest& request, Answer answer,
                    std::vector<SharedBytes> frames = {});
  void ConfirmSame(const RepairRequest& request);
  void AnswerUnreadable(const RepairRequest& request, Index first);
  void AnswerUpTo(const RepairRequest& request, Answer answer, Index behind);
  void SendCopy(const RepairRequest& request, Index up_to);
  void ReadCopy(const RepairRequest& request, Index first, Index up_to,
                std::function<void(const LogSlice&)> done);

  // replica_group_loss.cc
  Status CheckLoss(Offset to) const;
  void ProposeLoss(Offset to, std::function<void(Result<AcceptedLoss>)> done);
  bool IsGivenUp(const DamagedRange& range) const;
  Offset FilesEnd() const;
  void MaybeRollGivenUp();

  // replica_group_read.cc
  Status CheckBeyondEnd(Offset offset, Term term_before) const;
  Status CheckReadable(Offset offset) const;
  void ConfirmBeyondEnd(Offset offset, std::size_t bytes_max, FetchDone done);
  Offset LogStart() const;  // First offset that is served.
  bool KnowsCommit() const;
  Error NotYet() const;
  FetchSlice EmptySlice(Offset next) const;
  bool FetchFromCache(Offset offset, std::size_t bytes_max, FetchSlice* slice) const;
  Index ReadableUpTo() const;

  // replica_group_start.cc
  void ProposeLogStart(const LogStartMove& move, ProposeDone done);
  void DropOldSegments();
  void MaybeRetain();
  std::optional<Offset> Retain();
  std::optional<Offset> AwaitedByFollowers(
      const std::vector<PartitionLog::SegmentInfo>& segments) const;
  void MaybeRollExpired();

  const GroupOptions options_;
  const GroupDeps deps_;
  // Shared with jobs under way, so that a group can be destroyed before they come back.
  std::shared_ptr<PartitionLog> log_;
  const Checkpoint restored_;  // Newest committed one at the start.
  const RaftConfig raft_config_;
  Raft core_;
  LogState state_;
  TailCache::Member cache_;
  LogReader reader_;
  CommandApplier applier_;
  Proposals proposals_;

  std::function<void()> on_commit_;
  std::function<ByteBuffer()> capture_;
  std::function<void(ByteSpan)> restore_;

  std::vector<Proposal> proposed_;              // Given to the core, not yet staged: at most one.
  DurableMark staged_mark_;                     // Of all that was staged and saved so far.
  std::uint32_t staged_entries_ = 0;            // Since the last job.
  std::vector<Microseconds> staged_proposals_;  // When they were made; since the last job.
  bool job_under_way_ = false;                  // Foreground or background: never both.
  bool background_next_ = false;                // They take turns.
  Microseconds job_began_{0};                   // Of the job under way.
  int background_budget_ = kBackgroundJobsPerTick;  // Until the next tick or synced job.
  std::map<NodeId, CatchUp> catch_ups_;             // Of followers, while this replica leads.
  std::uint64_t told_changes_ = 0;                  // Of the core's quiet_changes().
  // Of the newest question to another replica. Begins elsewhere in each life of the process, so
  // that an answer to an older one is not taken for that to a new question.
  std::uint64_t asked_id_ = options_.raft.seed >> 1;
  std::map<std::uint64_t, Forwarded> forwarded_;  // Oldest first, like the next.
  std::map<std::uint64_t, PendingRead> reads_;
  std::optional<Transfer> transfer_;
  DamageRepair repair_;
  RepairRequest repair_request_;  // For one damaged run; `id` is that of the last one sent.
  // What came for it so far, and where it goes on: of a run that is not to be written in portions.
  std::vector<SharedBytes> collected_;
  Index collected_to_;
  bool collects_ = options_.log.fresh_page_per_job;  // Such runs; also after a refused portion.
  std::vector<SharedBytes> repair_frames_;           // To be written once the disk is free.
  bool repair_job_under_way_ = false;
  std::set<ReplicaId> heard_from_;             // While the members are not known.
  std::optional<Microseconds> damaged_since_;  // While there is some that it was told of.
  bool is_reopening_due_ = false;
  Microseconds leave_due_{0};         // Next try to hand over for want of space.
  Index reported_commit_;             // Last one that listeners were told of.
  Microseconds retention_due_{0};     // Of the next pass; they are a second apart.
  std::uint64_t size_bytes_ = 0;      // Of the log: counted along, so that status() stays cheap.
  std::uint32_t segments_ = 0;        // The same.
  std::uint64_t appended_bytes_ = 0;  // To the log, in this life of the process.
  std::size_t gauged_bytes_ = 0;      // Our share in the shard's pending bytes.
  std::size_t gauged_proposals_ = 0;
  std::size_t gauged_sessions_ = 0;
  std::size_t gauged_message_ids_ = 0;
  bool gauged_leader_ = false;
  RaftRole counted_role_ = RaftRole::kFollower;  // As of the last look of CountElections.
  Term counted_term_;
  std::uint64_t counted_silences_ = 0;
  // When entries up to `last` were synced here, for those that still wait for their commit.
  struct Synced {
    Index last;
    Microseconds at{0};
  };
  std::deque<Synced> synced_;
  // Those of the leader's checkpoints that are not yet compared whole, oldest first.
  std::deque<OwnCheckpoint> own_checkpoints_;
  // Of the checkpoint that a roll behind `behind` needs. Not by its index alone: after a truncation
  // another entry stands there, and the tables differ.
  struct CheckpointSize {
    LogTail behind;
    std::uint64_t bytes = 0;
  };
  CheckpointSize checkpoint_size_;
  std::optional<Error> failure_;
  bool draining_ = false;
  std::vector<std::function<void()>> drained_;  // Callers of Drain who wait.
  bool closed_ = false;
  std::unique_ptr<GroupStatus> last_status_;  // Once the log is being closed.
  std::shared_ptr<ReplicaGroup*> alive_ = std::make_shared<ReplicaGroup*>(this);
};

}  // namespace raftmq
