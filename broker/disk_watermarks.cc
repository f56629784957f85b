#include "broker/disk_watermarks.h"

#include <algorithm>

namespace raftmq::broker {
namespace {

constexpr std::uint64_t kLowPartMax = 10;
constexpr std::uint64_t kCriticalPartMax = 40;

bool IsBelow(std::uint64_t mark, bool was_below, std::uint64_t free_bytes) {
  return free_bytes < (was_below ? ResumeBytesOf(mark) : mark);
}

}  // namespace

DiskWatermarks WatermarksOn(std::uint64_t total_bytes, const DiskWatermarks& wanted) {
  const std::uint64_t low = std::min(wanted.low_bytes, total_bytes / kLowPartMax);
  return {.low_bytes = low,
          .critical_bytes = std::min({wanted.critical_bytes, total_bytes / kCriticalPartMax, low})};
}

DiskLevel NextDiskLevel(DiskLevel now, std::uint64_t free_bytes, const DiskWatermarks& marks) {
  if (IsBelow(marks.critical_bytes, now == DiskLevel::kCritical, free_bytes))
    return DiskLevel::kCritical;
  return IsBelow(marks.low_bytes, now != DiskLevel::kEnough, free_bytes) ? DiskLevel::kLow
                                                                         : DiskLevel::kEnough;
}

}  // namespace raftmq::broker
