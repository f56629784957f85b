// The one implementation of PartitionLog: a row of segments on the loop's side, and the jobs that
// carry out on the disk what was staged. One role per file:
//
//   segmented_log.cc       making one, room, rolls and staged entries, what may be cut off
//   segmented_log_jobs.cc  jobs to the disk and back, durable marks, files made and deleted ahead
//   segmented_log_cut.cc   a suffix, a prefix or the whole log goes
//   segmented_log_read.cc  reads, and what is known of the segments
//   segmented_log_repair.cc  damage: known, looked for, repaired
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "segment/damaged_ranges.h"
#include "segment/entry_mark.h"
#include "segment/freed_segments.h"
#include "segment/log_job.h"
#include "segment/log_recovery.h"
#include "segment/partition_log.h"
#include "segment/segment.h"
#include "segment/segment_preparer.h"

namespace raftmq {

// Loop-affine.
class SegmentedLog final : public PartitionLog {
 public:
  SegmentedLog(LogOptions options, RecoveredLog recovered, std::vector<DamagedRange> damage);

  LogBounds bounds() const override;
  std::uint64_t group_seed() const override { return seed_; }
  LogTail tail() const override { return tail_; }
  std::optional<Term> TermAt(Index index) const override;
  std::uint64_t room_for_data() const override;
  std::uint64_t room_for_control() const override;
  std::optional<std::uint64_t> BytesLeftBehind(Index last_kept) const override;
  std::uint64_t NextSegmentBytes(std::int64_t now_ms) const override;
  Status CanRoll(std::uint64_t segment_bytes_min) override;
  void Stage(SharedBytes frame) override;
  void SaveHardState(const HardState& state) override { steps_.push_back(HardStateStep{state}); }
  std::unique_ptr<LogJob> TakeJob() override;
  void Completed(std::unique_ptr<LogJob> job) override;
  std::unique_ptr<LogJob> TakeBackgroundJob(std::int64_t now_ms) override;
  void TruncateAfter(Index last_kept) override;
  void Reset(const LogBase& base) override;
  void TruncateBefore(Index first_kept) override;
  std::unique_ptr<LogRead> Read(ReadFrom from, Index up_to, std::size_t bytes_max) const override;
  std::vector<SegmentInfo> Segments() const override;
  const std::vector<DamagedRange>& damage() const override { return damage_; }
  void MarkDamaged(const DamagedRange& range) override;
  std::unique_ptr<SegmentCheck> CheckSegment(Index index) const override;
  std::unique_ptr<LogJob> TakeRepairJob(std::vector<SharedBytes> frames) override;
  const RepairOutcome& last_repair() const override { return last_repair_; }
  std::vector<DamagedRange> ToRepair() const override;
  bool SplitDamage(const LogTail& end) override;
  bool NeedsReopening() const override { return needs_reopening_; }
  void KeepFilesForEarlierReaders() override;
  void RebuildIndex(Index segment_first) override;
  void RepairMeta() override { meta_repair_is_due_ = true; }
  void Committed(Index index) override;
  void Close() override;

 private:
  Segment& active() { return segments_.back(); }
  const Segment& active() const { return segments_.back(); }
  bool HasActive() const { return !segments_.back().sealed; }
  std::uint64_t NextBegin() const;  // Of the next frame, in the active segment.
  std::uint64_t Room(std::uint64_t reserve) const;
  void StageRoll(const BatchHeader& header, const Checkpoint& checkpoint);
  void NoteUncommitted(const BatchHeader& header, std::uint64_t begin);
  const Segment& SegmentFor(const ReadFrom& from) const;
  LogMark MarkOf(const EntryMark& entry) const;
  void MarkUnproven(Index last);
  bool WantsZerosAhead(std::uint64_t capacity) const;
  std::unique_ptr<LogJob> TakeDeleteJob();
  std::unique_ptr<LogJob> TakeIdleJob(std::int64_t now_ms);
  void ForgetCommitted();
  void OvertakeChecks();
  void CutDamage(Index last_kept);
  LogTail TailBefore(Index index) const;
  void TakeRepair(const StepJob& job);
  void WidenDamage(Index first);
  void TakeRepaired(const RepairedSegment& repaired);
  std::unique_ptr<LogJob> TakeIndexJob();
  std::unique_ptr<StepJob> MakeJob(std::vector<LogStep> steps, const LogMark& after);
  void TakeOutcome(const StepJob& job);

  const LogOptions options_;
  const std::shared_ptr<LogDisk> disk_;  // Touched by jobs only; by this thread at Close.
  const std::uint64_t seed_;
  // Oldest first, never empty. The last is active unless sealed. After a reset there is one without
  // a file, until the first roll.
  std::deque<Segment> segments_;
  SegmentName first_;  // The log's first segment; its file may be missing.
  LogTail tail_;       // Of the last staged entry.
  LogMark staged_;     // What will hold once all that is staged is synced.
  LogMark durable_;    // What is synced.
  LogMark marked_;     // The last mark handed to the disk.
  bool marked_is_synced_ = true;
  std::uint64_t truncations_on_disk_ = 0;  // Those before durable_ make it obsolete.
  std::int64_t idle_since_ms_ =
      0;  // Since when durable_ stands; 0 = a job has completed meanwhile.
  std::uint64_t truncations_ = 0;
  Index committed_;  // Highest committed-up-to staged: what lies above may be cut off.
  std::deque<EntryMark>
      uncommitted_;             // Entries above committed_, oldest first; the one at it in front.
  std::vector<LogStep> steps_;  // Staged for the next job.
  Index job_first_;             // First entry among them; 0 = none.
  Index job_covers_;            // What these entries say is committed, at most.
  bool job_is_under_way_ = false;
  bool begins_job_ = true;             // The next staged entry is the first of its job.
  std::uint64_t jobs_in_segment_ = 0;  // Taken since the active one was opened.
  mutable SegmentPreparer preparer_;
  bool roll_is_wanted_ = false;
  std::uint64_t roll_bytes_min_ = 0;  // Of the roll that is wanted.
  bool prepare_is_under_way_ = false;
  FreedSegments freed_;  // Cut from the front.
  std::vector<DamagedRange> damage_;
  std::vector<DamagedRange> widened_;  // Runs of it with what is whole beside them.
  // Set for the checks that began before entries were cut, dropped or repaired.
  std::shared_ptr<std::atomic<bool>> checks_are_overtaken_ =
      std::make_shared<std::atomic<bool>>(false);
  RepairOutcome last_repair_;
  bool needs_reopening_ = false;
  std::vector<WholeAgain> awaiting_reopening_;  // Repaired, but not readable before.
  bool meta_repair_is_due_ = false;
  std::vector<Index> index_rebuilds_;  // First indexes of segments whose index is wanted.
};

}  // namespace raftmq
