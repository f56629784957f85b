// Damage: what is known of it, looked for and repaired.
#include <algorithm>
#include <utility>

#include "segment/segmented_log.h"

namespace raftmq {

void SegmentedLog::MarkDamaged(const DamagedRange& range) {
  for (const auto& known : damage_) {
    if (range.first <= known.last && known.first <= range.last) return;
  }
  damage_.push_back(range);
  std::sort(damage_.begin(), damage_.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
}

std::unique_ptr<SegmentCheck> SegmentedLog::CheckSegment(Index) const { return nullptr; }

std::unique_ptr<LogJob> SegmentedLog::TakeRepairJob(std::vector<SharedBytes>) { return nullptr; }

void SegmentedLog::RebuildIndex(Index) {}

}  // namespace raftmq
