#include "segment/partition_log.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"
#include "segment/entry_mark.h"
#include "segment/fatal_io.h"
#include "segment/freed_segments.h"
#include "segment/log_disk.h"
#include "segment/log_founding.h"
#include "segment/log_job.h"
#include "segment/log_read.h"
#include "segment/log_recovery.h"
#include "segment/segment.h"
#include "segment/segment_preparer.h"
#include "segment/segment_scan.h"
#include "segment/segment_sizing.h"

namespace raftmq {
namespace {

constexpr std::int64_t kMarkIdleMs = 20;
constexpr std::uint64_t kLargeJobBytes = 512u << 10;  // Its sync is a small part of it.

// True if what is wanted may lie before the line: in damage at the segment's front.
bool IsBefore(const ReadFrom& from, const SparseIndex::Line& line) {
  if (line.position == 0) return false;
  switch (from.by) {
    case ReadFrom::By::kIndex:
      return from.value < line.index.value();
    case ReadFrom::By::kOffset:
      return from.value < line.offset.value();
    case ReadFrom::By::kTimestamp:
      return line.max_timestamp_ms == SparseIndex::kNoTime;
  }
  return false;
}

class SegmentedLog final : public PartitionLog {
 public:
  SegmentedLog(LogOptions options, RecoveredLog recovered, std::vector<DamagedRange> damage);

  LogBounds bounds() const override;
  std::uint64_t group_seed() const override { return seed_; }
  LogTail tail() const override { return tail_; }
  std::optional<Term> TermAt(Index index) const override;
  std::uint64_t room_for_data() const override;
  std::uint64_t room_for_control() const override;
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
  void Committed(Index index) override;
  void Close() override;

 private:
  Segment& active() { return segments_.back(); }
  const Segment& active() const { return segments_.back(); }
  bool HasActive() const { return !segments_.back().sealed; }
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
  std::unique_ptr<StepJob> MakeJob(std::vector<LogStep> steps, const LogMark& after);
  void TakeOutcome(const StepJob& job);

  const LogOptions options_;
  const std::shared_ptr<LogDisk> disk_;  // Touched by jobs only; by this thread at Close.
  const std::uint64_t seed_;
  // Oldest first, never empty. The last is active unless sealed. After a reset there is one without
  // a file, until the first roll.
  std::deque<Segment> segments_;
  LogTail tail_;     // Of the last staged entry.
  LogMark staged_;   // What will hold once all that is staged is synced.
  LogMark durable_;  // What is synced.
  LogMark marked_;   // The last mark handed to the disk.
  bool marked_is_synced_ = true;
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
};

SegmentedLog::SegmentedLog(LogOptions options, RecoveredLog recovered,
                           std::vector<DamagedRange> damage)
    : options_(std::move(options)),
      disk_(std::move(recovered.disk)),
      seed_(recovered.identity.group_seed),
      segments_(std::move(recovered.segments)),
      tail_(recovered.tail),
      staged_(recovered.mark),
      durable_(recovered.mark),
      marked_(recovered.mark),
      truncations_(recovered.mark.truncations),
      committed_(recovered.commit_floor),
      uncommitted_(std::move(recovered.marks)),
      freed_(options_.zero_ahead_bytes_min),
      damage_(std::move(damage)) {
  if (uncommitted_.empty() || uncommitted_.back().tail.index != tail_.index)
    uncommitted_.push_back({tail_, active().name.first, active().staged_end, active().staged_end});
  ForgetCommitted();
}

LogBounds SegmentedLog::bounds() const {
  return {segments_.front().name.first, tail_.index, durable_.tail.index,
          segments_.front().name.first_offset, tail_.next_offset};
}

std::optional<Term> SegmentedLog::TermAt(Index index) const {
  if (index == tail_.index) return tail_.term;
  if (index > tail_.index || index < segments_.front().name.first) return std::nullopt;
  const auto after = std::partition_point(segments_.begin(), segments_.end(),
                                          [&](const Segment& s) { return s.name.first <= index; });
  const auto segment = std::prev(after);
  if (const auto term = segment->index.TermAt(index)) return term;
  // Damaged, at the front of its segment: not below the term before.
  return segment == segments_.begin() ? segment->tail.term : std::prev(segment)->tail.term;
}

// Jobs are not the same on all replicas: where each begins on a fresh page, another replica may
// need up to a page more for every entry, and has to find it in a file of the same size.
std::uint64_t SegmentedLog::Room(std::uint64_t reserve) const {
  if (!HasActive()) return 0;
  std::uint64_t end = active().staged_end + reserve;
  if (options_.fresh_page_per_job) {
    const std::uint64_t entries = tail_.index.Next().value() - active().name.first.value();
    end += (entries + 1) * kPageBytes;
  }
  return end < active().allocated_bytes ? active().allocated_bytes - end : 0;
}

std::uint64_t SegmentedLog::room_for_data() const { return Room(options_.control_reserve_bytes); }

std::uint64_t SegmentedLog::room_for_control() const { return Room(0); }

std::uint64_t SegmentedLog::NextSegmentBytes(std::int64_t now_ms) const {
  if (const auto ready = preparer_.ready()) return *ready;
  // A founding checkpoint bears no time: its segment says nothing about the rate.
  const std::int64_t filled_in_ms = active().opened_ms > 0 ? now_ms - active().opened_ms : 0;
  return std::max(roll_bytes_min_,
                  NextSegmentCapacity(active().allocated_bytes, filled_in_ms,
                                      options_.segment_bytes_first, options_.segment_bytes_max));
}

Status SegmentedLog::CanRoll(std::uint64_t segment_bytes_min) {
  const auto ready = preparer_.ready();
  if (ready && *ready >= segment_bytes_min) return Ok();
  if (ready) preparer_.Discard();
  roll_is_wanted_ = true;
  roll_bytes_min_ = segment_bytes_min;
  if (preparer_.IsFull())
    return Fail(ErrorCode::kDiskFull,
                "no space for another segment in '" + options_.directory + "'");
  return Fail(ErrorCode::kNotYet, "the next segment is being prepared");
}

// Of the prepared file only what the checkpoint says is used: a follower's may be larger, and as a
// leader it would fill it with more than the files of the others hold.
void SegmentedLog::StageRoll(const BatchHeader& header, const Checkpoint& checkpoint) {
  const auto capacity = preparer_.ready();
  RAFTMQ_CHECK(capacity.has_value());
  RAFTMQ_CHECK(*capacity >= checkpoint.segment_bytes);
  RollStep roll;
  roll.roll.sealed = active().name;
  roll.roll.next = {header.leader.index, header.leader.base_offset};
  roll.roll.mark = staged_;
  if (HasActive())
    roll.roll.index_file = active().index.Encode({active().tail, active().staged_end});
  steps_.push_back(std::move(roll));
  active().sealed = true;
  if (!active().HasFile()) segments_.pop_back();
  Segment next;
  next.name = {header.leader.index, header.leader.base_offset};
  next.path = disk_->PathOf(next.name);
  next.allocated_bytes = checkpoint.segment_bytes;
  next.opened_ms = header.leader.append_time_ms;
  segments_.push_back(std::move(next));
  preparer_.Taken();
  roll_is_wanted_ = false;
  roll_bytes_min_ = 0;
  begins_job_ = true;
  jobs_in_segment_ = 0;
}

void SegmentedLog::Stage(SharedBytes frame) {
  const auto header = ParseBatchHeader(frame.view());
  RAFTMQ_CHECK(header.has_value());
  RAFTMQ_CHECK(header->leader.index == tail_.index.Next());
  RAFTMQ_CHECK(header->leader.base_offset == tail_.next_offset);
  RAFTMQ_CHECK(frame.size() == header->padded_length());
  if (header->producer.kind == EntryKind::kCheckpoint) {
    const ByteSpan payload = frame.view().subspan(kBatchHeaderBytes);
    const auto part = ParseCheckpointPart(payload);
    RAFTMQ_CHECK(part.has_value());
    if (part->part == 0) {
      const auto head = CheckpointHeadOf(payload);
      RAFTMQ_CHECK(head.has_value());
      StageRoll(*header, *head);
    }
  }
  Segment& segment = active();
  const bool on_fresh_page = begins_job_ && options_.fresh_page_per_job;
  const std::uint64_t begin =
      on_fresh_page ? AlignUp(segment.staged_end, kPageBytes) : segment.staged_end;
  RAFTMQ_CHECK(begin + frame.size() <= segment.allocated_bytes);
  segment.index.Add(*header, begin);
  segment.staged_end = begin + frame.size();
  tail_ = TailAfter(*header);
  segment.tail = tail_;
  NoteUncommitted(*header, begin);
  if (job_first_ == Index(0)) job_first_ = tail_.index;
  job_covers_ = std::max(job_covers_, header->leader.committed_up_to);
  staged_ = MarkOf(uncommitted_.back());
  auto* append = steps_.empty() ? nullptr : std::get_if<AppendStep>(&steps_.back());
  if (!append || on_fresh_page)
    append = &std::get<AppendStep>(steps_.emplace_back(AppendStep{{}, on_fresh_page}));
  append->frames.push_back(std::move(frame));
  begins_job_ = false;
}

// Keeps the marks of entries that may be cut off: all above what the newest frame says is
// committed.
void SegmentedLog::NoteUncommitted(const BatchHeader& header, std::uint64_t begin) {
  uncommitted_.push_back({tail_, active().name.first, begin, active().staged_end});
  committed_ = std::max(committed_, header.leader.committed_up_to);
  ForgetCommitted();
}

void SegmentedLog::ForgetCommitted() {
  while (uncommitted_.size() > 1 && uncommitted_[1].tail.index <= committed_)
    uncommitted_.pop_front();
}

void SegmentedLog::Committed(Index index) {
  RAFTMQ_CHECK(index <= tail_.index);
  committed_ = std::max(committed_, index);
  ForgetCommitted();
}

LogMark SegmentedLog::MarkOf(const EntryMark& entry) const {
  return {.truncations = truncations_,
          .tail = entry.tail,
          .segment_first = entry.segment_first,
          .position = entry.end,
          .committed = std::min(committed_, entry.tail.index)};
}

std::unique_ptr<StepJob> SegmentedLog::MakeJob(std::vector<LogStep> steps, const LogMark& after) {
  return std::make_unique<StepJob>(disk_, std::move(steps), after, options_.on_fatal);
}

std::unique_ptr<LogJob> SegmentedLog::TakeJob() {
  if (steps_.empty()) return nullptr;
  RAFTMQ_CHECK(!job_is_under_way_);
  job_is_under_way_ = true;
  begins_job_ = true;
  ++jobs_in_segment_;
  std::vector<LogStep> steps;
  // The mark goes with the job after the one that it describes, and before a cut may lower it. Of a
  // job whose entries would prove each other to a recovery it has to be there first.
  const bool proves_itself = job_first_ != Index(0) && job_covers_ >= job_first_;
  if (proves_itself) MarkUnproven(tail_.index);
  if (proves_itself || !(marked_ == durable_)) {
    marked_ = durable_;
    if (proves_itself) marked_.unproven = tail_.index;
    marked_is_synced_ = proves_itself;
    steps.push_back(MarkStep{marked_, proves_itself});
  }
  job_first_ = Index(0);
  job_covers_ = Index(0);
  std::move(steps_.begin(), steps_.end(), std::back_inserter(steps));
  steps_.clear();
  return MakeJob(std::move(steps), staged_);
}

// The same for marks that are made within the job.
void SegmentedLog::MarkUnproven(Index last) {
  for (LogStep& step : steps_) {
    if (auto* const roll = std::get_if<RollStep>(&step)) roll->roll.mark.unproven = last;
    if (auto* const cut = std::get_if<CutStep>(&step)) cut->mark.unproven = last;
    if (auto* const reset = std::get_if<ResetStep>(&step)) reset->mark.unproven = last;
  }
}

void SegmentedLog::TakeOutcome(const StepJob& job) {
  for (const auto& [name, map] : job.opened()) {
    for (auto& segment : segments_) {
      if (segment.name == name) segment.view.map = map;
    }
  }
  const LogMark& after = job.after();
  if (after.truncations != truncations_) return;  // Cut meanwhile: the cut's own job settles it.
  idle_since_ms_ = 0;
  // Else no entry became durable, and the job has not looked at the unfinished page.
  if (!job.moves_tail()) return;
  durable_ = after;
  for (auto& segment : segments_) {
    segment.view.is_cut = false;
    if (segment.name.first > after.segment_first || segment.view.end == segment.staged_end)
      continue;
    const bool is_last = segment.name.first == after.segment_first;
    segment.view.end = is_last ? after.position : segment.staged_end;
    segment.view.page_at =
        is_last ? AlignDown(after.position, kPageBytes) : AlignUp(segment.view.end, kPageBytes);
    segment.view.page = is_last ? job.unfinished_page() : SharedBytes();
    if (!is_last) segment.view.map->AdviseSequential(true);
  }
}

void SegmentedLog::Completed(std::unique_ptr<LogJob> job) {
  const auto& done = static_cast<const StepJob&>(*job);
  RAFTMQ_CHECK(!done.failed());
  RAFTMQ_CHECK(job_is_under_way_);
  job_is_under_way_ = false;
  if (std::exchange(prepare_is_under_way_, false)) preparer_.Settle(done.prepare_status());
  if (done.is_background()) return;
  TakeOutcome(done);
}

std::unique_ptr<LogJob> SegmentedLog::TakeBackgroundJob(std::int64_t now_ms) {
  if (job_is_under_way_ || !steps_.empty()) return nullptr;
  const bool is_half_full = HasActive() && active().staged_end > active().allocated_bytes / 2;
  const bool wants_file = !preparer_.ready() && (is_half_full || roll_is_wanted_);
  const std::uint64_t capacity = NextSegmentBytes(now_ms);
  const bool can_reuse = wants_file && preparer_.IsIdle() && freed_.CanReuse(capacity);
  // Deletion first: a new file may need just that space.
  const bool needs_space = preparer_.IsFull() && !freed_.empty();
  if (!can_reuse && (needs_space || freed_.IsDeletionDue(capacity, now_ms))) return TakeDeleteJob();
  if (!wants_file) return TakeIdleJob(now_ms);
  std::optional<SegmentName> freed;
  if (can_reuse) freed = freed_.TakeOldest();
  const auto step = preparer_.NextStep(
      {.capacity = capacity, .freed = freed, .wants_zeros = WantsZerosAhead(capacity)});
  RAFTMQ_CHECK(step.has_value());
  job_is_under_way_ = true;
  prepare_is_under_way_ = true;
  return MakeJob({*step}, staged_);
}

// Zeros written ahead spare each sync the file system's metadata, and cost as much as the log
// itself: worth it where syncs are frequent (DESIGN.md, "Which blocks a fresh segment gets").
bool SegmentedLog::WantsZerosAhead(std::uint64_t capacity) const {
  if (options_.zero_ahead_bytes_min == 0 || capacity < options_.zero_ahead_bytes_min) return false;
  return active().staged_end < jobs_in_segment_ * kLargeJobBytes;
}

std::unique_ptr<LogJob> SegmentedLog::TakeDeleteJob() {
  job_is_under_way_ = true;
  return MakeJob({DeleteStep{freed_.TakeOldest()}}, staged_);
}

std::unique_ptr<LogJob> SegmentedLog::TakeIdleJob(std::int64_t now_ms) {
  if (marked_ == durable_ && marked_is_synced_) return nullptr;
  if (idle_since_ms_ == 0) idle_since_ms_ = now_ms;
  if (now_ms - idle_since_ms_ < kMarkIdleMs) return nullptr;
  marked_ = durable_;
  marked_is_synced_ = true;
  job_is_under_way_ = true;
  return MakeJob({MarkStep{durable_, true}}, staged_);
}

void SegmentedLog::TruncateAfter(Index last_kept) {
  RAFTMQ_CHECK(last_kept >= uncommitted_.front().tail.index);
  if (last_kept >= tail_.index) return;
  while (uncommitted_.back().tail.index > last_kept) uncommitted_.pop_back();
  const EntryMark& kept = uncommitted_.back();
  ++truncations_;
  CutStep cut;
  while (segments_.back().name.first > kept.segment_first) {
    cut.newer.insert(cut.newer.begin(), segments_.back().name);
    segments_.pop_back();
  }
  Segment& segment = active();
  segment.sealed = false;
  segment.index.CutFrom(kept.end, last_kept.Next());
  segment.staged_end = kept.end;
  segment.tail = kept.tail;
  segment.view.end = std::min(segment.view.end, AlignDown(kept.end, kPageBytes));
  segment.view.is_cut = true;
  tail_ = kept.tail;
  staged_ = MarkOf(kept);
  cut.mark = staged_;
  steps_.push_back(std::move(cut));
  begins_job_ = true;
  if (job_first_ > last_kept) job_first_ = Index(0);
}

void SegmentedLog::Reset(const LogBase& base) {
  ++truncations_;
  segments_ = {SegmentBehind(base)};
  freed_.Clear();
  damage_.clear();
  tail_ = base.before;
  committed_ = base.before.index;
  uncommitted_ = {{tail_, active().name.first, 0, 0}};
  staged_ = MarkOf(uncommitted_.back());
  steps_.push_back(ResetStep{staged_, base});
  begins_job_ = true;
  job_first_ = Index(0);
  roll_is_wanted_ = false;
}

void SegmentedLog::TruncateBefore(Index first_kept) {
  while (segments_.size() > 1 && segments_[1].name.first <= first_kept) {
    freed_.Add(segments_.front().name, segments_.front().allocated_bytes,
               segments_.front().view.map);
    segments_.pop_front();
  }
  std::erase_if(damage_, [&](const DamagedRange& range) {
    return range.last < segments_.front().name.first;
  });
}

const Segment& SegmentedLog::SegmentFor(const ReadFrom& from) const {
  const auto holds = [&](const Segment& segment) {
    switch (from.by) {
      case ReadFrom::By::kIndex:
        return segment.name.first.value() <= from.value;
      case ReadFrom::By::kOffset:
        return segment.name.first_offset.value() <= from.value;
      case ReadFrom::By::kTimestamp:
        return false;
    }
    return false;
  };
  if (from.by == ReadFrom::By::kTimestamp) {
    for (const auto& segment : segments_) {
      if (segment.index.max_timestamp_ms() >= static_cast<std::int64_t>(from.value)) return segment;
    }
    return active();
  }
  const auto after = std::partition_point(segments_.begin(), segments_.end(), holds);
  return after == segments_.begin() ? segments_.front() : *std::prev(after);
}

std::unique_ptr<LogRead> SegmentedLog::Read(ReadFrom from, Index up_to,
                                            std::size_t bytes_max) const {
  RAFTMQ_CHECK(up_to <= durable_.tail.index);
  const Segment& segment = SegmentFor(from);
  const bool is_above = from.by == ReadFrom::By::kIndex && from.value > up_to.value();
  if (is_above || segment.name.first > up_to || segment.view.end == 0 || segment.index.IsEmpty())
    return nullptr;
  LogReadSpec spec;
  spec.view = segment.view;
  switch (from.by) {
    case ReadFrom::By::kIndex:
      spec.line = segment.index.BeforeIndex(Index(from.value));
      break;
    case ReadFrom::By::kOffset:
      spec.line = segment.index.BeforeOffset(Offset(from.value));
      break;
    case ReadFrom::By::kTimestamp:
      spec.line = segment.index.BeforeTime(static_cast<std::int64_t>(from.value));
      break;
  }
  if (IsBefore(from, spec.line))
    spec.line = {.index = segment.name.first, .offset = segment.name.first_offset};
  spec.from = from;
  spec.up_to = up_to;
  spec.bytes_max = bytes_max;
  spec.group_seed = seed_;
  spec.segment_end = segment.tail.index < durable_.tail.index ? segment.tail : durable_.tail;
  spec.path = segment.path;
  return MakeLogRead(std::move(spec));
}

std::vector<PartitionLog::SegmentInfo> SegmentedLog::Segments() const {
  std::vector<SegmentInfo> infos;
  for (const auto& segment : segments_) {
    if (!segment.HasFile()) continue;
    infos.push_back({segment.name.first, segment.name.first_offset, segment.staged_end,
                     segment.allocated_bytes, segment.index.max_timestamp_ms(), segment.sealed});
  }
  return infos;
}

void SegmentedLog::MarkDamaged(const DamagedRange& range) {
  for (const auto& known : damage_) {
    if (range.first <= known.last && known.first <= range.last) return;
  }
  damage_.push_back(range);
  std::sort(damage_.begin(), damage_.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
}

void SegmentedLog::Close() {
  RAFTMQ_CHECK(!job_is_under_way_);
  std::vector<LogStep> steps = std::move(steps_);
  const StepJob* failed = nullptr;
  auto job = MakeJob(std::move(steps), staged_);
  job->Write();
  job->Sync();
  if (job->failed()) failed = job.get();
  if (failed) return;
  auto mark = MakeJob({MarkStep{staged_, true}}, staged_);
  mark->Write();
}

}  // namespace

Result<std::unique_ptr<PartitionLog>> PartitionLog::Create(FileSystem& files,
                                                           const LogOptions& options,
                                                           const LogFounding& founding) {
  RAFTMQ_TRY_ASSIGN(RecoveredLog log, FoundLog(files, options, founding));
  return std::make_unique<SegmentedLog>(options, std::move(log), std::vector<DamagedRange>());
}

Result<std::unique_ptr<PartitionLog>> PartitionLog::Open(FileSystem& files,
                                                         const LogOptions& options,
                                                         RecoveryReport* report) {
  RAFTMQ_TRY_ASSIGN(RecoveredLog log, RecoverLog(files, options, report));
  return std::make_unique<SegmentedLog>(options, std::move(log), report->damage);
}

}  // namespace raftmq
