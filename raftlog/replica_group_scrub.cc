// Segments for the scrubber, and what it finds in them.
#include <algorithm>

#include "raftlog/replica_group.h"

namespace raftmq {

std::optional<SegmentScrub> ReplicaGroup::CheckSegment(Index from) {
  if (closed_ || draining_ || failure_) return std::nullopt;
  const std::vector<PartitionLog::SegmentInfo> segments = log_->Segments();
  // The first one whose successor begins behind `from`.
  const auto successor =
      std::ranges::upper_bound(segments, from, {}, &PartitionLog::SegmentInfo::first);
  auto segment = successor == segments.begin() ? successor : successor - 1;
  for (; segment != segments.end(); ++segment) {
    const bool is_last = segment + 1 == segments.end();
    const Index last = is_last ? log_->bounds().durable : (segment + 1)->first.Minus(1);
    if (last < segment->first || last < from) continue;
    // Null: its file is missing, which is known damage, or nothing of it is synced yet.
    std::unique_ptr<SegmentCheck> check = log_->CheckSegment(segment->first);
    if (!check) continue;
    return SegmentScrub{.check = std::move(check),
                        .first = segment->first,
                        .last = last,
                        .cuts = staged_mark_.cuts};
  }
  return std::nullopt;
}

// A cut zeroes entries and lets others take their place while the check reads: what it then calls
// damaged may be whole. Files that retention has deleted were as they were.
bool ReplicaGroup::TakeDamage(const SegmentScrub& segment) {
  if (closed_) return true;
  if (segment.cuts != staged_mark_.cuts) return false;
  for (const DamagedRange& range : segment.check->damage()) {
    if (range.last >= log_->bounds().first) log_->MarkDamaged(range);
  }
  if (segment.check->index_is_bad()) log_->RebuildIndex(segment.first);
  if (!segment.check->damage().empty()) RepairDamage();
  return true;
}

void ReplicaGroup::RepairMeta() {
  if (!closed_) log_->RepairMeta();
}

}  // namespace raftmq
