// One replica's log: a row of segment files, oldest to newest, each opened by a checkpoint.
//
// The loop owns the object and never waits for the disk: it stages stamped entries, takes the jobs,
// which the shard's disk thread writes and syncs, and is told of their completion. Reads are small
// objects that run on the loop when their pages are in memory, else on an I/O thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "protocol/types/hard_state.h"
#include "protocol/types/ids.h"
#include "raftmq/result.h"
#include "segment/checkpoint.h"
#include "segment/disk_space.h"
#include "segment/file_system.h"

namespace raftmq {

struct LogOptions {
  std::string directory;  // Of this partition.
  GroupId group;
  NodeId self;  // Whose replica it is: another node's directory is refused.
  std::uint64_t segment_bytes_first = 1u << 20;  // Doubling with the write rate up to:
  std::uint64_t segment_bytes_max = 128u << 20;
  std::uint64_t control_reserve_bytes = 64u << 10;  // End of a segment, for control entries only.
  bool fresh_page_per_job = false;                  // For disks without powersafe overwrite.
  std::uint64_t zero_ahead_bytes_min = 32u
                                       << 20;  // Segments this big are written with zeros ahead.
  // Outlives the log. Null: its segments may take the last byte, as those must whose commands free
  // space.
  const DiskSpace* space = nullptr;
  // Told of the first failed write or sync; must not return, except in simulated processes: then
  // the job does nothing more and must not be given to Completed. Default: DieOfFailedWrite.
  std::function<void(const Error&)> on_fatal;
};

// What a new log begins with: index 1 is a checkpoint, a pure function of the creating command.
struct LogFounding {
  std::uint64_t group_seed = 0;
  Membership membership;
  ReplicaNumber replica;
  ByteBuffer state_machine;
};

struct LogBounds {
  Index first;          // First index kept: a checkpoint's first part. last + 1 after a reset.
  Index last;           // Last staged.
  Index durable;        // Last synced.
  Offset first_offset;  // First offset in the files.
  Offset next_offset;   // After the last staged entry.
};

// A run of damaged entries that were promised: never cut, never served. It says what is known of
// them, so that peers can be asked for exactly these.
struct DamagedRange {
  Index first, last;
  Offset first_offset, end_offset;
  // Header hash of entry `last`: the chain of the whole entry behind it, or what the durable mark
  // says. 0 = not known.
  std::uint64_t last_hash = 0;
  // No entry of the run has a higher term: that of the entry behind it, or of the mark.
  Term term_max;
  std::string what;  // For people: file, position and which check failed.
};

// What recovery found. The log is readable; nothing has been synced since unless written_back says
// so.
struct RecoveryReport {
  ReplicaNumber replica;
  HardState hard_state;
  Index commit_floor;  // Highest committed-up-to found.
  LogTail tail;
  Checkpoint newest_checkpoint;   // At or below the commit floor.
  Index newest_checkpoint_index;  // Its first part.
  // Of a log that was reset and still begins there. If the log ends before the checkpoint's last
  // part, newest_checkpoint holds only what the base says.
  std::optional<LogBase> base;
  std::vector<DamagedRange> damage;
  std::vector<std::string> notes;  // Every cut and repair, for the log.
  std::uint64_t scanned_bytes = 0;
};

// Staged entries on their way to the disk. Runs on the disk thread; a failed write or sync ends the
// process there. Run all Writes of a round first, then all Syncs.
class LogJob {
 public:
  virtual ~LogJob() = default;
  virtual void Write() = 0;
  virtual void Sync() = 0;
  virtual std::uint64_t bytes() const = 0;
};

// Whole verified frames, in order, each padded to 8 bytes.
struct LogSlice {
  SharedBytes bytes;
  Index first, last;  // Of the entries inside; last = first - 1 if there are none.
};

// A read that owns what it needs: stays valid when its segment is deleted meanwhile.
class LogRead {
 public:
  virtual ~LogRead() = default;
  // True if Run touches only memory (a hint). If false, run it on an I/O thread.
  virtual bool IsResident() const = 0;
  // Errors: kDataCorrupt with bounds in the message; kIoError.
  virtual Result<LogSlice> Run() = 0;
  // What Run found, for PartitionLog::MarkDamaged: why it answered kDataCorrupt, or what it passed
  // over on the way to its first entry. Null if nothing, and if a cut, a reset, a trim or a repair
  // came in between: then an answer kDataCorrupt says nothing, either; read again. On the loop.
  virtual const DamagedRange* damage() const = 0;
};

// A look at all of one segment, read from the disk itself. A few steps at a time on an I/O thread,
// one call at a time; stays valid when its segment goes. Results may be asked for on the loop once
// Step has returned false.
class SegmentCheck {
 public:
  virtual ~SegmentCheck() = default;
  // Verifies about so many bytes more; true while there are more. A disk that cannot be read is
  // damage; a file that is gone ends the check.
  virtual bool Step(std::size_t bytes_max) = 0;
  virtual std::uint64_t bytes_checked() const = 0;
  // For PartitionLog::MarkDamaged. Empty if a cut, a reset or a repair came in between: look again.
  virtual const std::vector<DamagedRange>& damage() const = 0;
  // The index file of the sealed segment is missing or another one than its entries make: for
  // PartitionLog::RebuildIndex. Not judged in a segment with damage.
  virtual bool index_is_bad() const = 0;
};

// What came of a repair.
struct RepairOutcome {
  // kDataCorrupt: the frames do not continue the chain, do not fit, or do not end as the whole
  // entry behind the run says: nothing was written; or the disk does not hold what was. kDiskFull:
  // a file that is gone could not be made anew; again when space returns.
  Status status;
  // The frames are good, but what is whole behind them does not stand where it should. The damage
  // has grown by entries that have to be written with them.
  bool is_misfit = false;
  Index repaired_up_to;  // Last entry that is whole again; the first of the run - 1 if none is.
};

// Where a read begins.
struct ReadFrom {
  enum class By { kIndex, kOffset, kTimestamp } by = By::kIndex;
  std::uint64_t value = 0;  // kTimestamp: the first data entry whose max timestamp is >= value.
};

// Loop-affine. FileSystem must outlive it.
class PartitionLog {
 public:
  // Makes the directory, meta and first segment durable. Blocks; use a disk or I/O thread, or
  // start-up.
  static Result<std::unique_ptr<PartitionLog>> Create(FileSystem& files, const LogOptions& options,
                                                      const LogFounding& founding);
  // Recovers (RELIABILITY.md 1.1). Blocks. What was read is synced before this returns.
  static Result<std::unique_ptr<PartitionLog>> Open(FileSystem& files, const LogOptions& options,
                                                    RecoveryReport* report);
  virtual ~PartitionLog() = default;

  virtual LogBounds bounds() const = 0;
  virtual std::uint64_t group_seed() const = 0;
  virtual LogTail tail() const = 0;  // Of the last staged entry.
  // nullopt below first - 1 or above last.
  virtual std::optional<Term> TermAt(Index index) const = 0;

  // Data bytes (padded) that still fit into the active segment; control entries may also use the
  // reserve.
  virtual std::uint64_t room_for_data() const = 0;
  virtual std::uint64_t room_for_control() const = 0;
  // Bytes that what follows `last_kept` may take in its segment's file, once the log is cut behind
  // that. At least what the others call room, but for a file that was cut short and whose
  // checkpoint cannot be read. nullopt: the log cannot be cut there.
  virtual std::optional<std::uint64_t> BytesLeftBehind(Index last_kept) const = 0;
  // The capacity that the next segment should have, by the write rate so far, given to its
  // checkpoint.
  virtual std::uint64_t NextSegmentBytes(std::int64_t now_ms) const = 0;
  // Whether the next segment's file is ready. It is prepared (allocated or reused, maybe zeroed) on
  // the disk thread ahead of its use, with `segment_bytes_min` at least: what a follower's leader
  // has chosen, 0 for a leader. kNotYet asks for it; if there is no room: kDiskFull now, and again
  // until space returns; nothing is staged.
  virtual Status CanRoll(std::uint64_t segment_bytes_min) = 0;

  // Appends one stamped entry, whose index is last + 1. Part 0 of a checkpoint opens the next
  // segment. REQUIRES: it fits (room_for_*), or it is a checkpoint part 0 and CanRoll. Readers
  // see it once it is durable; until then the caller's tail cache serves it.
  virtual void Stage(SharedBytes frame) = 0;
  virtual void SaveHardState(
      const HardState& state) = 0;  // Part of the next job; durable after it.
  // All that was staged since the last call; nullptr if nothing. One job at a time: REQUIRES the
  // previous one to be Completed.
  virtual std::unique_ptr<LogJob> TakeJob() = 0;
  virtual void Completed(std::unique_ptr<LogJob> job) = 0;
  // True if background work (preparing files, deleting, writing the durable mark after 20 ms idle)
  // waits. It runs on the disk thread at low priority, like a job, beside none.
  virtual std::unique_ptr<LogJob> TakeBackgroundJob(std::int64_t now_ms) = 0;

  // Drops everything above `last_kept`, by the steps of DESIGN.md "Cutting a suffix"; done through
  // the next jobs.
  virtual void TruncateAfter(Index last_kept) = 0;
  // Drops the whole log: it begins empty behind `base.before`, durably with the next job. The next
  // entry has to be a checkpoint's first part.
  virtual void Reset(const LogBase& base) = 0;
  // Deletes whole segments before the one that holds `first_kept`, oldest first, in background
  // jobs. REQUIRES: the next segment's checkpoint is committed whole.
  virtual void TruncateBefore(Index first_kept) = 0;

  // Reads whole entries from `from` up to `up_to` (inclusive, <= durable), at most bytes_max but at
  // least one. Null if nothing is there.
  virtual std::unique_ptr<LogRead> Read(ReadFrom from, Index up_to,
                                        std::size_t bytes_max) const = 0;

  struct SegmentInfo {
    Index first;
    Offset first_offset;
    std::uint64_t used_bytes = 0;
    std::uint64_t allocated_bytes = 0;
    std::int64_t max_timestamp_ms = 0;
    bool sealed = false;
  };
  virtual std::vector<SegmentInfo> Segments() const = 0;  // Oldest first.
  // Sorted by index, disjoint.
  virtual const std::vector<DamagedRange>& damage() const = 0;
  // Overlapping ranges become one, which knows what either knew.
  virtual void MarkDamaged(const DamagedRange& range) = 0;

  // The segment with the greatest first index at or below `index`, up to what is durable now. Null:
  // its file is missing, nothing durable is there, or a cut of it is under way.
  virtual std::unique_ptr<SegmentCheck> CheckSegment(Index index) const = 0;
  // Replaces damaged entries on the disk by `frames`: whole entries of another replica, padded to 8
  // bytes, consecutive, the first of them the first of a damaged range, the last at or below that
  // range's last. If they end before it, the rest stays damaged. Nothing decides whether they are
  // the right ones but the chains: ask only replicas that hold the range's last entry. Runs like a
  // background job; give it to Completed, then see last_repair. Null: not now (a job is under way,
  // a cut, roll or reset is staged), or no range begins there any more; ask again.
  virtual std::unique_ptr<LogJob> TakeRepairJob(std::vector<SharedBytes> frames) = 0;
  // Of the last repair job that was Completed.
  virtual const RepairOutcome& last_repair() const = 0;
  // What is to be repaired as one: damage(), where that cannot be done by itself with what is whole
  // around it (RepairOutcome::is_misfit). Sorted, disjoint.
  virtual std::vector<DamagedRange> ToRepair() const = 0;
  // The damaged run that holds entry `end`, and more, becomes two; `end` is the first one's last.
  // False if there is no such run.
  virtual bool SplitDamage(const LogTail& end) = 0;
  // True once repaired entries lie where only a new opening takes them in (the active segment, a
  // file made anew, entries that may still be cut off): the owner closes the log and opens it
  // again. damage() does not name them any more; until then reads of them may fail.
  virtual bool NeedsReopening() const = 0;
  // Who was served before this log was opened again may still read: none of the files that are
  // there now becomes the next segment.
  virtual void KeepFilesForEarlierReaders() = 0;
  // Has a sealed segment's index, in memory and its file, made anew by a background job. Nothing if
  // no such segment is there.
  virtual void RebuildIndex(Index segment_first) = 0;
  // Has bad copies in `meta` made again by a background job from what is in memory.
  virtual void RepairMeta() = 0;

  // Entries up to `index` are committed and will never be cut off; the log forgets what it kept for
  // that.
  virtual void Committed(Index index) = 0;
  // Writes and syncs the durable mark: a clean stop. Blocks; no job may be under way.
  virtual void Close() = 0;
};

}  // namespace raftmq
