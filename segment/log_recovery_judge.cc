// What is missing, judged by promises: damage that is kept, or a torn tail that is cut.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "segment/damaged_ranges.h"
#include "segment/log_recovery_run.h"

namespace raftmq {

void LogRecovery::Damaged(const Hole& hole) {
  const ScanGap& gap = hole.gap;
  const Index first = gap.before.index.Next();
  const Index last = gap.next.Minus(1);
  const std::string what =
      fmt::format("'{}' at byte {}: {}", log_.segments[hole.segment].path, gap.begin, gap.what);
  report_->notes.push_back(
      fmt::format("damage: entries {} to {} ({}) were promised and are kept as damaged",
                  first.value(), last.value(), what));
  AddDamage(&report_->damage, {.first = first,
                               .last = last,
                               .first_offset = gap.before.next_offset,
                               .end_offset = gap.next_offset,
                               .last_hash = gap.last_hash,
                               .term_max = gap.term_max,
                               .what = what});
}

// What is missing between a segment and the one before it, which ends too early.
Result<ScanGap> LogRecovery::GapBefore(std::size_t next) const {
  const Segment& segment = log_.segments[std::max<std::size_t>(next, 1) - 1];
  const SegmentName& name = log_.segments[next].name;
  // Its checkpoint says what stood before it.
  RAFTMQ_TRY_ASSIGN(const auto head, ReadFrontHead(files_, FrontOfSegment(log_.segments[next])));
  return ScanGap{.before = segment.tail,
                 .begin = segment.staged_end,
                 .end = segment.staged_end,
                 .next = name.first,
                 .next_offset = name.first_offset,
                 .last_hash = head ? head->before.chain : 0,
                 .term_max = head ? head->before.term : log_.segments[next].tail.term,
                 .what = "a segment ends before its successor begins"};
}

// Holes between segments and inside them, from the oldest: promised ones are damage, the first that
// is not ends the log.
Status LogRecovery::Judge() {
  for (std::size_t i = 0; i + 1 < log_.segments.size(); ++i) {
    if (log_.segments[i].tail.index.Next() >= log_.segments[i + 1].name.first) continue;
    RAFTMQ_TRY_ASSIGN(const ScanGap gap, GapBefore(i + 1));
    holes_.push_back({i, gap});
  }
  if (log_.first < log_.segments.front().name) {
    RAFTMQ_TRY_ASSIGN(ScanGap gap, GapBefore(0));
    gap.before = {log_.first.first.Minus(1), Term(), log_.first.first_offset, 0, 0};
    gap.what = "the log's first segment is missing in front of it";
    Damaged({0, gap});
  }
  std::sort(holes_.begin(), holes_.end(),
            [](const Hole& a, const Hole& b) { return a.gap.before.index < b.gap.before.index; });
  const Index promised = Promised();
  for (const Hole& hole : holes_) {
    if (hole.gap.before.index < promised) {
      Damaged(hole);
      continue;
    }
    cut_in_ = hole.segment;
    Segment& segment = log_.segments[hole.segment];
    report_->notes.push_back(fmt::format("cut '{}' at byte {} after index {}: {}, never promised",
                                         segment.path, hole.gap.begin,
                                         hole.gap.before.index.value(), hole.gap.what));
    segment.tail = hole.gap.before;
    segment.staged_end = hole.gap.begin;
    segment.index.CutFrom(hole.gap.begin, hole.gap.before.index.Next());
    segment.sealed = false;
    break;
  }
  return Ok();
}

// Only a checkpoint opens a segment. A roll whose checkpoint never arrived is undone: the other
// replicas may never have heard of it, and the next entry may be none.
Status LogRecovery::UndoEmptyRoll() {
  const std::size_t last = cut_in_.value_or(log_.segments.size() - 1);
  if (last == 0 || log_.segments[last].staged_end > 0) return Ok();
  if (Promised() >= log_.segments[last].name.first) return Ok();
  report_->notes.push_back(
      fmt::format("removed '{}': nothing was in it yet", log_.segments[last].path));
  log_.segments[last - 1].sealed = false;
  if (log_.mark.tail.index <= log_.segments[last - 1].tail.index) {
    cut_in_ = last - 1;
    return Ok();
  }
  // The end of what was promised is gone as well: the log is not cut before it.
  cut_in_.reset();
  end_reason_ = "it ends before what was promised";
  while (log_.segments.size() > last) {  // The newest first: a crash leaves no hole.
    RAFTMQ_TRY(log_.disk->RemoveSegment(log_.segments.back().name));
    RAFTMQ_TRY(log_.disk->SyncDirectory());
    log_.segments.pop_back();
  }
  return Ok();
}

// The newest checkpoint that is whole and committed. Damage may hide one: then an older one serves.
Status LogRecovery::FindCheckpoint() {
  const Index committed = std::max(report_->commit_floor, Index(1));
  for (std::size_t i = log_.segments.size(); i-- > 0;) {
    RAFTMQ_TRY_ASSIGN(auto checkpoint,
                      ReadFrontCheckpoint(files_, FrontOfSegment(log_.segments[i]), committed));
    if (!checkpoint) continue;
    report_->newest_checkpoint = std::move(*checkpoint);
    report_->newest_checkpoint_index = log_.segments[i].name.first;
    return Ok();
  }
  // After a reset the checkpoint may still be on its way. Of one that is damaged the rest is no
  // use.
  const bool is_arriving = report_->base && log_.tail.index < report_->base->checkpoint_last;
  if (is_arriving && report_->damage.empty()) {
    TakeBase();
    return Ok();
  }
  return Fail(
      ErrorCode::kDataCorrupt,
      fmt::format("no segment in '{}' has a whole committed checkpoint: this replica is lost",
                  options_.directory));
}

}  // namespace raftmq
