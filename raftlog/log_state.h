// What a log's entries say: a pure function of the log, kept as (state at commit, undoable changes
// above it), so that a checkpoint can be made of the state at the end and readers see the state at
// commit.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "raftlog/core/messages.h"
#include "raftlog/frames.h"
#include "raftlog/message_id_table.h"
#include "raftlog/session_table.h"
#include "raftmq/result.h"
#include "segment/checkpoint.h"

namespace raftmq {

// The run of checkpoint parts that opens a segment.
struct CheckpointRun {
  Index first;
  Index last;           // Last part found so far.
  Offset first_offset;  // Of the segment.
  Term term;
  std::uint32_t parts = 1;
  std::uint32_t found = 1;
  std::size_t bytes = 0;  // Of the frames found.

  bool IsWhole() const { return found == parts; }
};

// Rules that a test switches off, to show that it would notice (tests/sim/mutant.h). All are kept
// in a broker.
struct SessionFaults {
  bool acks_uncommitted = false;  // A duplicate is answered before its original is committed.
  bool forgets_at_cuts = false;   // What is cut from the log takes all sessions with it.
  // The sessions of a checkpoint that comes after a reset are lost.
  bool forgets_at_resets = false;
  bool fences_nobody = false;            // Batches are appended whatever their epoch.
  bool forgets_ids_at_cuts = false;      // What is cut from the log takes all message ids with it.
  bool overlooks_ids_under_way = false;  // An id counts as new until its first is committed.
};

// Value type. Entries are appended in order of index, and commit never goes back.
class LogState {
 public:
  LogState() : memberships_(1) {}
  // The state before `base`'s first part: that of its checkpoint. Positions count from there.
  // REQUIRES: CheckTables(base).
  explicit LogState(const Checkpoint& base);
  // The state of a log that a reset made begin at `base.before`: what its first checkpoint says is
  // known once all of its parts have been appended.
  static LogState BehindBase(const Checkpoint& base);

  // Whether what a checkpoint says of sessions and message ids can be read. Errors: kBadBatch.
  static Status CheckTables(const Checkpoint& checkpoint);

  // Takes one entry, the next of the log. `payload` is its section.
  void Append(const BatchHeader& header, ByteSpan payload);
  // Passes over damaged entries: what they said is not known.
  void Skip(Index first, Index last, Offset end) {
    positions_.push_back({first, last, end, recorded_commit_});
    is_whole_ = false;
    skipped_to_ = last;
  }
  // A run known from elsewhere, before all that is appended: its segment can stand at the front.
  void AddWholeRun(Index first, Offset first_offset);
  // As a recovery found it in the log.
  void SetRecordedCommit(Index commit) { recorded_commit_ = kept_recorded_commit_ = commit; }
  // For tests only, see SessionFaults.
  void SwitchOff(const SessionFaults& faults) { faults_ = faults; }
  void SetCommit(Index commit);
  void SetDurable(Index durable);
  // Forgets the runs of segments before `first_kept`.
  void TruncateBefore(Index first_kept);
  // Takes back what the entries above `last_kept` said. REQUIRES: last_kept >= the commit.
  void TruncateAfter(Index last_kept);

  // After the last entry.
  const Membership& membership() const { return memberships_.back().membership; }
  // That one, and those before it that may come back: the first is at or below the commit.
  const std::vector<MembershipAt>& memberships() const { return memberships_; }
  // While that checkpoint is awaited: whether these, the next of the log, bring it, part by part.
  bool BringCheckpoint(const std::vector<Frame>& entries) const;
  // True until BehindBase's checkpoint has been appended whole.
  bool AwaitsCheckpoint() const { return awaits_checkpoint_; }
  // That checkpoint, once, when it has just become whole.
  std::optional<Checkpoint> TakeArrived() { return std::exchange(arrived_, std::nullopt); }

  // After the last entry.
  const SessionTable& sessions() const { return sessions_; }
  const MessageIdTable& message_ids() const { return message_ids_; }
  // False if damaged entries were passed over: then the state may differ from what the log says.
  bool is_whole() const { return is_whole_; }
  // True if the checkpoint of a segment behind all of these is committed whole, and a synced entry
  // says so: a recovery would begin there, and pass over none of them.
  bool IsWholeToRecovery() const;
  // After the last entry. The files may begin later.
  Offset log_start() const { return changes_.empty() ? log_start_ : changes_.back().log_start; }
  Offset committed_log_start() const { return log_start_; }
  Offset committed_end() const { return committed_end_; }
  // False if the last committed entry is one that was passed over, and not the last of these: then
  // committed_end() is a lower bound.
  bool KnowsCommittedEnd() const;
  Offset durable_end() const { return durable_end_; }
  // True if the newest segment's checkpoint was broken off by a new term: the leader rolls afresh.
  bool IsNewestRunBroken(Term current) const;
  // The newest segment that starts at or below `offset` and whose checkpoint is committed whole, as
  // a synced entry behind it says: it and its successors are a complete log from `offset` on, also
  // for a recovery that knows no more than the log. nullopt if none is known.
  std::optional<CheckpointRun> NewestFrontFor(Offset offset) const;
  // True if the newest segment's checkpoint is committed whole and no entry behind it says so yet:
  // a recovery would begin at an older one.
  bool IsNewestUnrecorded() const;
  // True if the newest segment could stand at the front for `offset` if some entry behind it said
  // that its checkpoint is committed.
  bool IsFrontUnrecorded(Offset offset) const;
  const std::deque<CheckpointRun>& runs() const { return runs_; }

 private:
  struct Change {
    Index index;
    Offset log_start;  // From this entry on.
  };
  struct Position {
    Index first, last;      // One entry, or those that were passed over.
    Offset end;             // Next offset after them.
    Index committed_up_to;  // As the entry says.
  };
  void AppendCheckpointPart(const BatchHeader& header, ByteSpan payload);
  void KeepPart(ByteSpan payload);
  void ForgetPositions();
  void AppendData(const BatchHeader& header, ByteSpan records);
  void AppendSessionEntry(const BatchHeader& header, ByteSpan payload);

  std::vector<MembershipAt> memberships_;  // In order of index, never empty.
  Offset log_start_;                       // At commit.
  std::deque<Change> changes_;             // Above commit.
  std::deque<Position> positions_;         // Above the lower one of commit and durable.
  Index commit_;
  Index durable_;
  Offset committed_end_;
  Offset durable_end_;
  Index recorded_commit_;           // Greatest committed-up-to of the durable entries.
  Index kept_recorded_commit_;      // The same of those that can no longer be cut off.
  std::deque<CheckpointRun> runs_;  // Oldest first.
  SessionTable sessions_;           // At the end, like the next.
  MessageIdTable message_ids_;
  SessionFaults faults_;
  bool is_whole_ = true;
  Index skipped_to_;  // The last entry that was passed over.
  bool awaits_checkpoint_ = false;
  std::vector<std::vector<std::byte>> parts_;  // Of the checkpoint that is awaited.
  std::optional<Checkpoint> arrived_;
};

// The payload of a kLogStart entry.
struct LogStartMove {
  Offset log_start;  // The new one.
  // An operator has given up what is damaged from here to the new start: no good copy was left.
  std::optional<Offset> lost_from;
};
ByteBuffer EncodeLogStart(const LogStartMove& move);
// Errors: kBadBatch.
Result<LogStartMove> DecodeLogStart(ByteSpan payload);

}  // namespace raftmq
