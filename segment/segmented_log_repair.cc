// Damage: what is known of it, looked for and repaired.
#include <algorithm>
#include <iterator>
#include <utility>

#include "segment/damaged_ranges.h"
#include "segment/segment_check.h"
#include "segment/segmented_log.h"

namespace raftmq {

void SegmentedLog::MarkDamaged(const DamagedRange& range) { AddDamage(&damage_, range); }

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

std::unique_ptr<LogJob> SegmentedLog::TakeRepairJob(std::vector<SharedBytes>) { return nullptr; }

void SegmentedLog::RebuildIndex(Index) {}

}  // namespace raftmq
