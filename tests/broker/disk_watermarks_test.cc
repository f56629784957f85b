#include "broker/disk_watermarks.h"

#include <gtest/gtest.h>

namespace raftmq::broker {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr DiskWatermarks kMarks{.low_bytes = 100 * kMiB, .critical_bytes = 40 * kMiB};

DiskLevel After(DiskLevel now, std::uint64_t free_mib) {
  return NextDiskLevel(now, free_mib * kMiB, kMarks);
}

TEST(DiskWatermarks, ALevelBeginsBelowItsMark) {
  EXPECT_EQ(After(DiskLevel::kEnough, 100), DiskLevel::kEnough);
  EXPECT_EQ(After(DiskLevel::kEnough, 99), DiskLevel::kLow);
  EXPECT_EQ(After(DiskLevel::kLow, 40), DiskLevel::kLow);
  EXPECT_EQ(After(DiskLevel::kLow, 39), DiskLevel::kCritical);
  EXPECT_EQ(After(DiskLevel::kEnough, 0), DiskLevel::kCritical);
}

TEST(DiskWatermarks, ALevelEndsAQuarterAboveItsMark) {
  EXPECT_EQ(After(DiskLevel::kCritical, 49), DiskLevel::kCritical);
  EXPECT_EQ(After(DiskLevel::kCritical, 50), DiskLevel::kLow);
  EXPECT_EQ(After(DiskLevel::kLow, 124), DiskLevel::kLow);
  EXPECT_EQ(After(DiskLevel::kCritical, 124), DiskLevel::kLow);
  EXPECT_EQ(After(DiskLevel::kLow, 125), DiskLevel::kEnough);
}

TEST(DiskWatermarks, ASmallDiskKeepsASmallPart) {
  const DiskWatermarks defaults;
  const DiskWatermarks large = WatermarksOn(1'000'000 * kMiB, defaults);
  EXPECT_EQ(large.low_bytes, 1024 * kMiB);
  EXPECT_EQ(large.critical_bytes, 256 * kMiB);
  const DiskWatermarks small = WatermarksOn(400 * kMiB, defaults);
  EXPECT_EQ(small.low_bytes, 40 * kMiB);
  EXPECT_EQ(small.critical_bytes, 10 * kMiB);
}

TEST(DiskWatermarks, TheCriticalMarkIsNotAboveTheLowOne) {
  EXPECT_EQ(WatermarksOn(1'000'000 * kMiB, {.low_bytes = 5, .critical_bytes = 9}).critical_bytes,
            5u);
}

TEST(DiskWatermarks, WithoutALowMarkNothingIsRefused) {
  const DiskWatermarks none = WatermarksOn(1'000'000 * kMiB, {.low_bytes = 0});
  EXPECT_EQ(NextDiskLevel(DiskLevel::kEnough, 0, none), DiskLevel::kEnough);
}

}  // namespace
}  // namespace raftmq::broker
