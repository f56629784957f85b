// What goes from a log: a suffix that another leader replaces, a prefix that retention gives up, or
// all of it.
#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "segment/segmented_log.h"

namespace raftmq {

void SegmentedLog::TruncateAfter(Index last_kept) {
  RAFTMQ_CHECK(last_kept >= uncommitted_.front().tail.index);
  if (last_kept >= tail_.index) return;
  while (uncommitted_.back().tail.index > last_kept) uncommitted_.pop_back();
  const EntryMark& kept = uncommitted_.back();
  ++truncations_;
  OvertakeChecks();
  CutDamage(last_kept);
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

// What takes the place of damaged entries is whole.
void SegmentedLog::CutDamage(Index last_kept) {
  std::erase_if(damage_,
                [last_kept](const DamagedRange& range) { return range.first > last_kept; });
  std::erase_if(widened_,
                [last_kept](const DamagedRange& range) { return range.last > last_kept; });
  std::erase_if(awaiting_reopening_,
                [last_kept](const WholeAgain& whole) { return whole.first > last_kept; });
  if (!awaiting_reopening_.empty())
    awaiting_reopening_.back().last = std::min(awaiting_reopening_.back().last, last_kept);
}

void SegmentedLog::Reset(const LogBase& base) {
  ++truncations_;
  OvertakeChecks();
  segments_ = {SegmentBehind(base)};
  first_ = segments_.front().name;
  freed_.Clear();
  damage_.clear();
  widened_.clear();
  awaiting_reopening_.clear();
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
  OvertakeChecks();
  // Of missing segments at the front no file is left to go, but the log must not begin there again.
  const bool drops_missing =
      first_ < segments_.front().name && segments_.front().name.first <= first_kept;
  if (drops_missing) freed_.Add(first_, 0, {});
  while (segments_.size() > 1 && segments_[1].name.first <= first_kept) {
    const Segment& freed = segments_.front();
    const std::uint64_t bytes_to_reuse = freed.has_earlier_readers ? 0 : freed.allocated_bytes;
    freed_.Add(freed.name, bytes_to_reuse, freed.view.map);
    segments_.pop_front();
  }
  if (segments_.front().name.first <= first_kept) first_ = segments_.front().name;
  std::erase_if(damage_, [&](const DamagedRange& range) { return range.last < first_.first; });
  std::erase_if(widened_, [&](const DamagedRange& range) { return range.first < first_.first; });
}

}  // namespace raftmq
