// How much free space a node needs to take messages, and to make files for them. Pure policy.
#pragma once

#include <cstdint>

namespace raftmq::broker {

// 0 = none.
struct DiskWatermarks {
  std::uint64_t low_bytes = 1u << 30;         // Below it leaders take no messages.
  std::uint64_t critical_bytes = 256u << 20;  // Of these no new segment takes any.
};

enum class DiskLevel { kEnough, kLow, kCritical };

// What holds on a file system of that size: a low mark of at most a tenth of it, a critical one of
// at most a fortieth, so that a small disk is not given up while it is almost empty; never above
// the low one.
DiskWatermarks WatermarksOn(std::uint64_t total_bytes, const DiskWatermarks& wanted);

// Where a level that was reached at `mark` ends: a quarter above it, so that it does not come and
// go with every file.
constexpr std::uint64_t ResumeBytesOf(std::uint64_t mark) { return mark + mark / 4; }

// The level that follows `now` when so much is free.
DiskLevel NextDiskLevel(DiskLevel now, std::uint64_t free_bytes, const DiskWatermarks& marks);

}  // namespace raftmq::broker
