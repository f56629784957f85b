// Damage: what is known of it, looked for and repaired.
#include <algorithm>
#include <iterator>
#include <utility>

#include "segment/damaged_ranges.h"
#include "segment/segment_check.h"
#include "segment/segmented_log.h"

namespace raftmq {

// Whoever reads or checks repaired entries of the active segment sees them as they were until the
// log is opened again: only what lies behind them is new.
void SegmentedLog::MarkDamaged(const DamagedRange& range) {
  std::vector<DamagedRange> left = {range};
  for (const WholeAgain& whole : awaiting_reopening_) RemoveDamage(&left, whole);
  for (DamagedRange& damaged : left) AddDamage(&damage_, std::move(damaged));
}

void SegmentedLog::OvertakeChecks() {
  *checks_are_overtaken_ = true;
  checks_are_overtaken_ = std::make_shared<std::atomic<bool>>(false);
}

std::unique_ptr<SegmentCheck> SegmentedLog::CheckSegment(Index index) const {
  const auto after = std::partition_point(segments_.begin(), segments_.end(),
                                          [&](const Segment& s) { return s.name.first <= index; });
  if (after == segments_.begin()) return nullptr;
  const auto segment = std::prev(after);
  if (!segment->HasFile() || segment->view.end == 0) return nullptr;
  if (segment->view.is_cut) return nullptr;  // Where it ends is known once that is done.
  const bool is_rolled = segment->sealed && durable_.segment_first > segment->name.first;
  SegmentView view = segment->view;
  if (is_rolled) {  // Its last page is not written any more: it is looked at, too.
    view.page_at = AlignUp(view.end, kPageBytes);
    view.page = SharedBytes();
  }
  LogTail before{segment->name.first.Minus(1), Term(), segment->name.first_offset, 0, 0};
  if (segment != segments_.begin() && std::prev(segment)->tail.index == before.index)
    before = std::prev(segment)->tail;
  return MakeSegmentCheck(
      {.files = disk_->files(),
       .name = segment->name,
       .path = segment->path,
       .index_path = is_rolled ? disk_->IndexPathOf(segment->name) : "",
       .view = std::move(view),
       .before = before,
       .end = segment->tail.index < durable_.tail.index ? segment->tail : durable_.tail,
       .group_seed = seed_,
       .is_overtaken = checks_are_overtaken_});
}

// Of the entry before `index`; chain 0 if it is not known here.
LogTail SegmentedLog::TailBefore(Index index) const {
  for (const Segment& segment : segments_) {
    if (segment.tail.index.Next() == index) return segment.tail;
  }
  for (const DamagedRange& range : damage_) {
    if (range.last.Next() == index)
      return {range.last, Term(), range.end_offset, range.last_hash, 0};
  }
  return {};
}

// What is staged besides entries moves the files or their indexes.
std::unique_ptr<LogJob> SegmentedLog::TakeRepairJob(std::vector<SharedBytes> frames) {
  const bool is_moving = std::ranges::any_of(steps_, [](const LogStep& step) {
    return std::holds_alternative<RollStep>(step) || std::holds_alternative<CutStep>(step) ||
           std::holds_alternative<ResetStep>(step);
  });
  if (job_is_under_way_ || is_moving || frames.empty()) return nullptr;
  const auto first = ParseBatchHeader(frames.front().view());
  if (!first) return nullptr;
  const std::vector<DamagedRange> runs = ToRepair();
  const auto range = std::ranges::find(runs, first->leader.index, &DamagedRange::first);
  if (range == runs.end()) return nullptr;
  job_is_under_way_ = true;
  std::vector<LogStep> steps;
  // What is half written when the power goes has to be promised, or it would be cut off.
  if (!(marked_ == durable_) || !marked_is_synced_) {
    marked_ = durable_;
    marked_is_synced_ = true;
    steps.push_back(MarkStep{marked_, true});
  }
  steps.push_back(RepairStep{{.range = *range,
                              .before = TailBefore(range->first),
                              .frames = std::move(frames),
                              .group_seed = seed_,
                              .durable = durable_.tail.index}});
  return MakeJob(std::move(steps), staged_);
}

void SegmentedLog::TakeRepair(const StepJob& job) {
  const RepairReport& report = *job.repair();
  last_repair_ = report.outcome;
  OvertakeChecks();
  if (report.outcome.is_misfit) WidenDamage(report.first);
  const WholeAgain whole{report.first, report.outcome.repaired_up_to, report.next_offset};
  // The log may be cut behind what is not below the commit, and knows no more where that ended.
  bool is_taken_in = whole.last < committed_;
  for (const RepairedSegment& repaired : report.segments) {
    const bool is_last = repaired.name == active().name;
    // Its file may have been made anew by an earlier repair.
    const bool is_known =
        std::ranges::find(segments_, repaired.name, &Segment::name) != segments_.end();
    if (!is_known || is_last || repaired.was_open) is_taken_in = false;
    if (is_last && HasActive()) active().view.page = job.unfinished_page();
    if (!is_last && !repaired.was_open) TakeRepaired(repaired);
  }
  if (whole.last < whole.first) return;
  RemoveDamage(&damage_, whole);
  std::erase_if(widened_, [&whole](const DamagedRange& wide) {
    return wide.first <= whole.last && whole.first <= wide.last;
  });
  if (is_taken_in) return;
  needs_reopening_ = true;
  const auto behind =
      std::ranges::upper_bound(awaiting_reopening_, whole.first, {}, &WholeAgain::first);
  awaiting_reopening_.insert(behind, whole);
}

// The run that begins at `first` can be laid out only together with what stands behind it in its
// segment: up to the end of the damage that comes next there, or of all that is durable; if that
// was not enough, with what stands before it, too.
void SegmentedLog::WidenDamage(Index first) {
  const std::vector<DamagedRange> runs = ToRepair();
  const auto run = std::ranges::find(runs, first, &DamagedRange::first);
  if (run == runs.end()) return;
  const auto behind = std::partition_point(
      segments_.begin(), segments_.end(), [&](const auto& s) { return s.name.first <= run->last; });
  if (behind == segments_.begin()) return;
  const LogTail tail =
      std::ranges::min(std::prev(behind)->tail, durable_.tail, {}, &LogTail::index);
  const auto next = std::next(run);
  DamagedRange wide = *run;
  if (next != runs.end() && next->first <= tail.index) {
    wide = *next;
    wide.first = run->first;
    wide.first_offset = run->first_offset;
    wide.what = run->what;
  } else if (run->last < tail.index) {
    wide.last = tail.index;
    wide.end_offset = tail.next_offset;
    wide.last_hash = tail.chain;
    wide.term_max = tail.term;
  } else {
    wide.first = std::prev(behind)->name.first;
    wide.first_offset = std::prev(behind)->name.first_offset;
  }
  AddDamage(&widened_, std::move(wide));
}

std::vector<DamagedRange> SegmentedLog::ToRepair() const {
  std::vector<DamagedRange> runs = damage_;
  for (const DamagedRange& wide : widened_) {
    const bool is_damaged = std::ranges::any_of(damage_, [&wide](const DamagedRange& range) {
      return wide.first <= range.first && range.last <= wide.last;
    });
    if (is_damaged) AddDamage(&runs, wide);
  }
  return runs;
}

bool SegmentedLog::SplitDamage(const LogTail& end) {
  const auto run = std::ranges::find_if(damage_, [&end](const DamagedRange& range) {
    return range.first <= end.index && end.index < range.last;
  });
  if (run == damage_.end()) return false;
  DamagedRange rest = *run;
  rest.first = end.index.Next();
  rest.first_offset = end.next_offset;
  run->last = end.index;
  run->end_offset = end.next_offset;
  run->last_hash = end.chain;
  run->term_max = std::min(run->term_max, end.term);
  damage_.insert(std::next(run), std::move(rest));
  return true;
}

void SegmentedLog::KeepFilesForEarlierReaders() {
  for (Segment& segment : segments_) segment.has_earlier_readers = true;
}

// Of a sealed segment. Frames that were found whole are at least as many as were known.
void SegmentedLog::TakeRepaired(const RepairedSegment& repaired) {
  const auto segment = std::ranges::find(segments_, repaired.name, &Segment::name);
  if (segment == segments_.end() || !segment->sealed) return;
  const SegmentRepair::Found& found = repaired.found;
  segment->index = found.index;
  segment->view.map = repaired.map;
  segment->has_earlier_readers = true;
  segment->view.page = SharedBytes();
  segment->staged_end = found.is_whole ? found.end : std::max(found.end, segment->staged_end);
  // A file that is still too short ends where it ends.
  segment->view.end =
      std::min<std::uint64_t>(segment->staged_end, segment->view.map->bytes().size());
  segment->view.page_at = AlignUp(segment->view.end, kPageBytes);
  if (found.tail.index >= segment->tail.index) segment->tail = found.tail;
}

void SegmentedLog::RebuildIndex(Index segment_first) { index_rebuilds_.push_back(segment_first); }

std::unique_ptr<LogJob> SegmentedLog::TakeIndexJob() {
  while (!index_rebuilds_.empty()) {
    const Index first = index_rebuilds_.back();
    index_rebuilds_.pop_back();
    const auto segment = std::ranges::find_if(
        segments_, [first](const Segment& each) { return each.name.first == first; });
    if (segment == segments_.end() || std::next(segment) == segments_.end()) continue;
    job_is_under_way_ = true;
    return MakeJob({IndexStep{{.name = segment->name,
                               .is_there = true,
                               .last = std::next(segment)->name.first.Minus(1),
                               .group_seed = seed_}}},
                   staged_);
  }
  return nullptr;
}

}  // namespace raftmq
