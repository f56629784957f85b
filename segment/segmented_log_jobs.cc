// Jobs to the disk thread and back.
#include <iterator>
#include <utility>

#include "protocol/types/check.h"
#include "segment/segmented_log.h"

namespace raftmq {
namespace {

constexpr std::int64_t kMarkIdleMs = 20;
constexpr std::uint64_t kLargeJobBytes = 512u << 10;  // Its sync is a small part of it.

}  // namespace

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
  // A cut that another one has overtaken is on the disk: what held before it must not be marked
  // again.
  const bool is_obsolete = durable_.truncations != truncations_on_disk_;
  if (!is_obsolete && (proves_itself || !(marked_ == durable_))) {
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
  truncations_on_disk_ = after.truncations;
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
  if (done.repair()) TakeRepair(done);
  for (const RepairedSegment& segment : done.reindexed()) TakeRepaired(segment);
  if (done.is_background()) return;
  TakeOutcome(done);
}

std::unique_ptr<LogJob> SegmentedLog::TakeBackgroundJob(std::int64_t now_ms) {
  if (job_is_under_way_ || !steps_.empty()) return nullptr;
  if (auto job = TakeIndexJob()) return job;
  if (std::exchange(meta_repair_is_due_, false)) {
    job_is_under_way_ = true;
    return MakeJob({RepairMetaStep{}}, staged_);
  }
  const bool is_half_full = HasActive() && active().staged_end > active().allocated_bytes / 2;
  const bool wants_file = !preparer_.ready() && (is_half_full || roll_is_wanted_);
  const std::uint64_t capacity = NextSegmentBytes(now_ms);
  const bool can_reuse = wants_file && preparer_.IsIdle() && freed_.CanReuse(capacity);
  // Deletion first: a new file may need just that space, here or of another log.
  const bool is_low = options_.space != nullptr && options_.space->is_low;
  if (is_low && !freed_.empty()) return TakeDeleteJob();
  const bool needs_space = preparer_.IsFull() && !freed_.empty();
  if (!can_reuse && (needs_space || freed_.IsDeletionDue(capacity, now_ms))) return TakeDeleteJob();
  if (!wants_file) return TakeIdleJob(now_ms);
  std::optional<SegmentName> freed;
  if (can_reuse) freed = freed_.TakeOldest();
  auto step = preparer_.NextStep(
      {.capacity = capacity, .freed = freed, .wants_zeros = WantsZerosAhead(capacity)});
  RAFTMQ_CHECK(step.has_value());
  step->space = options_.space;
  step->first = first_;
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
  return MakeJob({DeleteStep{freed_.TakeOldest(), first_}}, staged_);
}

std::unique_ptr<LogJob> SegmentedLog::TakeIdleJob(std::int64_t now_ms) {
  if (marked_ == durable_ && marked_is_synced_) return nullptr;
  const bool is_from_now = idle_since_ms_ == 0 || now_ms < idle_since_ms_;
  if (is_from_now) idle_since_ms_ = now_ms;  // Clocks are stepped back.
  if (now_ms - idle_since_ms_ < kMarkIdleMs) return nullptr;
  marked_ = durable_;
  marked_is_synced_ = true;
  job_is_under_way_ = true;
  return MakeJob({MarkStep{durable_, true}}, staged_);
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

}  // namespace raftmq
