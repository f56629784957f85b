// One replica of one Raft group: core, log, tail cache and the order in which their effects happen.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "protocol/types/clock.h"
#include "protocol/types/ids.h"
#include "raftlog/transport.h"
#include "raftmq/result.h"
#include "segment/checkpoint.h"
#include "segment/partition_log.h"

namespace raftmq {

// What a committed proposal became.
struct Proposed {
  Index index;  // Of a duplicate the entry that said where it is; 0 if a checkpoint did.
  Offset base_offset;
  std::int64_t append_time_ms = 0;
  bool is_duplicate = false;  // The same batch was in the log already: this is where it stands.
};

// A producer's session as it stands in the log.
struct OpenedSession {
  std::uint32_t epoch = 0;
  std::uint32_t next_sequence = 0;  // Of the next record; records count modulo 2^32.
  // It begins here, perhaps again: what it had stored may have been forgotten.
  bool may_be_forgotten = false;
};

// Records that an operator has given up, since no replica can read them any more.
struct AcceptedLoss {
  Offset log_start;  // The new one.
  // With the log start here, or beyond, the files go that hold what is lost.
  Offset files_end;
};

// How a proposal differs from one that is appended wherever the log ends, and waited for.
struct ProposeOptions {
  bool in_memory = false;             // acks=leader-memory: answered once in the leader's log.
  std::optional<Offset> base_offset;  // A batch is appended only if it gets just this offset.
};

// A run of committed data batches for a consumer.
struct FetchSlice {
  std::vector<SharedBytes>
      batches;  // Each a padded data batch as stored, in order; control entries left out.
  Offset next_offset;
  Offset log_start;
  Offset end;
  Term term;
};

// One segment of a log, to be read from the disk and checked (the scrubber).
struct SegmentScrub {
  std::unique_ptr<SegmentCheck> check;  // Its steps run on an I/O thread.
  Index first, last;                    // Of the entries that it was asked for.
  std::uint64_t cuts = 0;               // Of the log by then.
  std::uint64_t openings = 0;           // Of the log by then, after repairs.
};

struct GroupStatus {
  Term term;
  NodeId leader;  // 0 = none known.
  bool is_leader = false;
  bool awaits_checkpoint = false;  // Its log was reset: nothing is there to serve from yet.
  Index last, commit, durable;
  Index applied;                   // Last command handed to SetApply's callback, and all before it.
  Offset log_start, end;           // end = next offset to be committed.
  Offset durable_end;              // Next offset after what is synced here.
  std::uint64_t follower_lag = 0;  // Entries that the last follower has not synced, when leading.
  std::uint64_t size_bytes = 0;
  std::uint32_t segments = 0;
  // Repaired entries are taken in by a new opening: drain it, and open its log again.
  bool needs_reopening = false;
  bool has_stopped = false;  // Group::failure says why.
};

// Shard-affine. Callbacks run on the shard's loop, once each; after the destructor none run (those
// still waiting are destroyed). A callback may call the group but must not destroy it; only Drain's
// may.
class Group {
 public:
  using ProposeDone = std::function<void(Result<Proposed>)>;
  using FetchDone = std::function<void(Result<FetchSlice>)>;

  virtual ~Group() = default;

  // Takes one sealed and validated entry: stamps it, appends it and calls back when it is committed
  // (synced on a majority, this replica after its own sync). `frame` is the batch's padded bytes
  // within the received buffer. Errors: kNotLeader, kOverloaded (bytes under way at the bound),
  // kDiskFull, kDraining, kBatchTooLarge: definite; kDisconnected-like unknown outcomes when
  // leadership is lost while under way. A batch of a session that is in the log already is not
  // appended again, but answered as the first time, once that is committed; one that does not
  // continue its session gets kFenced, kSequenceGap, kSequenceOverlap, kDuplicateOffsetUnknown,
  // kUnknownSession or kLimitExceeded (DESIGN.md, "Sessions"): all definite. One that is to get
  // another offset than the next gets kOffsetMismatch, definite, too. One whose message id was
  // appended within the window is answered as a duplicate of that; kBadRequest where no ids are
  // taken, kLimitExceeded where too many are known: definite.
  virtual void Propose(ByteBuffer buffer, std::size_t frame_at, std::size_t frame_bytes,
                       const ProposeOptions& options, ProposeDone done) = 0;
  void Propose(ByteBuffer buffer, std::size_t frame_at, std::size_t frame_bytes, ProposeDone done) {
    Propose(std::move(buffer), frame_at, frame_bytes, {}, std::move(done));
  }

  // Opens a session, or takes it over: from the entry on that this writes, lower epochs are fenced.
  // Answers once that is committed, and all before it; without an entry if the session is open in
  // this epoch already. REQUIRES: session is not 0. Errors: kNotLeader, kDraining, kDiskFull,
  // kOverloaded;
  // kFenced if a higher epoch is known, kLimitExceeded for a new session above the bound: all
  // definite; unknown outcomes as Propose.
  virtual void OpenSession(SessionId session, std::uint32_t epoch,
                           std::function<void(Result<OpenedSession>)> done) = 0;

  // Committed batches from `offset` on, at least one if there is any, at most bytes_max otherwise.
  // From the tail cache or the map at once, or later from the I/O pool. An empty slice at the end.
  // Errors: kOffsetBelowStart, kOffsetBeyondEnd (kNotYet instead until the leader has committed in
  // its term: the end may be higher than it knows), kDataCorrupt, kOverloaded.
  virtual void Fetch(Offset offset, std::size_t bytes_max, FetchDone done) = 0;
  // kPositionDiverged if the committed record before `offset` has another term here than
  // `term_before`, with which the caller has read it, or if that term was over before an end that
  // lies below `offset`: then this is another log. For once per stream: reads that record's batch.
  // Ok as well where this replica cannot tell: at the log start, at damage, and for term 0. Errors
  // besides: kOverloaded, kNotYet, kDraining.
  virtual void CheckPosition(Offset offset, Term term_before, std::function<void(Status)> done) = 0;
  // First record with timestamp >= timestamp_ms; the end if every record is older. kNotYet until
  // the leader has committed in its term.
  struct OffsetAtTime {
    Offset offset;
    std::int64_t timestamp_ms = -1;
  };
  virtual void FindOffset(std::int64_t timestamp_ms,
                          std::function<void(Result<OffsetAtTime>)> done) = 0;
  // Moves the log start by a replicated entry. kOffsetBeyondEnd above commit.
  virtual void Trim(Offset log_start, std::function<void(Result<Offset>)> done) = 0;

  // The same, past damage of which no replica has a good copy; the entry says so. The good records
  // before that go as well. Errors besides those of Trim: kInvalidArgument: nothing is
  // damaged before `to`, or it lies within damage; kNotYet: what is damaged
  // before it may be repaired still.
  virtual void AcceptLoss(Offset to, std::function<void(Result<AcceptedLoss>)> done) = 0;

  // For internal topics: proposes a sealed command on the leader, wherever that is. The offset in
  // the outcome is known only where the leader is. Errors as for Propose; kTimeout: unknown.
  virtual void ProposeAnywhere(ByteBuffer frame, ProposeDone done) = 0;
  // Calls back once this replica serves everything that was committed when it was called, with the
  // end then: a linearizable read, without trusting clocks. Errors: kNotYet, kTimeout, kDraining.
  virtual void ReadIndex(std::function<void(Result<Offset>)> done) = 0;
  // Makes `next` the group's membership: one replica added as learner, promoted once it has caught
  // up, or removed. It counts from its entry on; `done` is called when that is committed. Errors:
  // kNotLeader, kDraining, kDiskFull, kInvalidArgument; kNotYet while another change is under way,
  // the term or the next segment has only begun, or the learner is behind: all definite; as Propose
  // when leadership is lost meanwhile.
  virtual void ChangeMembership(const Membership& next, ProposeDone done) = 0;
  // As far as its log says it here: what is not committed yet counts, too.
  virtual const Membership& membership() const = 0;
  // Hands leadership to another voter and calls back when it leads. What is proposed meanwhile is
  // held. Errors: kNotLeader; kInvalidArgument: no other voter; kNotYet: under way to another;
  // kTimeout: it has not taken over within an election timeout, or another leads.
  virtual void TransferTo(NodeId to, std::function<void(Status)> done) = 0;
  // Hands leadership, if it is held, to the voter that has most; to the next one if that does not
  // take it. Calls back when there is nothing left to try.
  virtual void HandOver(std::function<void()> done) = 0;

  // From the other replicas; whatever it is, it may be late, doubled or lost.
  virtual void Receive(PeerMessage message) = 0;
  // The connection to a node broke.
  virtual void PeerUnreachable(NodeId node) = 0;
  // Nobody vouches any more for the quiet peer on that node (heartbeats.h).
  virtual void PeerSilent(NodeId node, std::uint32_t ticks) = 0;

  // Called after commit (and so the end) has moved; wakes parked streams. One listener.
  virtual void SetOnCommit(std::function<void()> on_commit) = 0;

  // For internal topics, whose state stands in every checkpoint. Set all three once, these two
  // before SetApply. `capture` returns the state's canonical bytes, after all that was applied.
  virtual void SetCapture(std::function<ByteBuffer()> capture) = 0;
  // Gets the state of the newest committed checkpoint (empty: nothing was captured) from within
  // SetApply, and again whenever a leader has reset this replica: it replaces all there was.
  virtual void SetRestore(std::function<void(ByteSpan state)> restore) = 0;
  // Committed kCommand entries in order, each once: first those after the newest checkpoint
  // (replayed; the first ones from within this call when they are in memory), then new ones as they
  // commit. Called before OnCommit and before the proposer's callback.
  virtual void SetApply(std::function<void(Index, ByteSpan payload)> apply) = 0;

  virtual void Tick() = 0;  // Every tick: timers of the core, retention, idle durable mark.
  // True while one tick a second is enough, until the next input.
  virtual bool IsQuiet() const = 0;
  virtual void TurnEnd() = 0;  // Hands staged work to the disk thread, once per turn.
  virtual GroupStatus status() const = 0;
  // What the log says up to its last entry, as a checkpoint behind it would say it; a state
  // machine's state and the size of a segment left out. For tests: equal logs say the same. nullopt
  // while that is not known (behind damage, or until a reset's checkpoint is here) and once this
  // replica has stopped or is closed. Encodes all sessions.
  virtual std::optional<Checkpoint> StateOfLog() const = 0;
  // Why this replica has stopped: kStateDiverged, or kDataCorrupt if its log did not open again
  // after a repair. Null while it goes on, and once it is drained. It takes, acks, votes for
  // and serves nothing any more: proposals get kNotLeader, reads this error. A new start recovers
  // its state from the log.
  virtual const Error* failure() const = 0;
  // But for committed records below the log start, which nobody reads any more.
  virtual std::vector<DamagedRange> damage() const = 0;
  // The segment that holds the entry, or the first one behind it; nullopt past the end, and while
  // the log is being closed or opened again. Reads nothing yet.
  virtual std::optional<SegmentScrub> CheckSegment(Index from) = 0;
  // Marks what the check has found, as far as it is still in the log, and has a bad index made
  // anew. False: the log was cut or opened again meanwhile, so that the check may have seen
  // anything; nothing was marked, look again. REQUIRES: the check's Step has returned false.
  virtual bool TakeDamage(const SegmentScrub& segment) = 0;
  // Has bad copies in `meta` made again, soon. Nothing while the log is opened again, which does
  // that, too.
  virtual void RepairMeta() = 0;
  // Refuses proposals, waits for what is under way, writes the durable mark, then calls back. From
  // the call on everything is answered with kDraining. Goes on with Tick. May
  // be called again: all callers are called back.
  virtual void Drain(std::function<void()> done) = 0;
};

}  // namespace raftmq
