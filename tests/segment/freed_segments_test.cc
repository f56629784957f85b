// When a segment that retention gave up is used again, and when it is deleted.
#include "segment/freed_segments.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

constexpr std::uint64_t kLarge = 32u << 20;
constexpr std::int64_t kNow = 1'000'000;

class NoFile final : public FileMap {
 public:
  ByteSpan bytes() const override { return {}; }
  void AdviseSequential(bool) override {}
  bool IsResident(std::size_t, std::size_t) const override { return true; }
  Status Populate(std::size_t, std::size_t) override { return Ok(); }
};

SegmentName Named(std::uint64_t index) { return {Index(index), Offset(index)}; }

TEST(FreedSegments, TheOldestBecomesASegmentOfTheSameSize) {
  FreedSegments freed(kLarge);
  freed.Add(Named(1), kLarge, {});
  freed.Add(Named(2), kLarge, {});
  EXPECT_TRUE(freed.CanReuse(kLarge));
  EXPECT_FALSE(freed.CanReuse(2 * kLarge));
  EXPECT_EQ(freed.TakeOldest(), Named(1));
}

TEST(FreedSegments, WhatIsStillReadIsNotUsedAgain) {
  FreedSegments freed(kLarge);
  const auto reader = std::make_shared<NoFile>();
  freed.Add(Named(1), kLarge, reader);
  EXPECT_FALSE(freed.CanReuse(kLarge));
}

TEST(FreedSegments, WhatFitsIsKeptForAWhile) {
  FreedSegments freed(kLarge);
  freed.Add(Named(1), kLarge, {});
  EXPECT_FALSE(freed.IsDeletionDue(kLarge, kNow));
  EXPECT_FALSE(freed.IsDeletionDue(kLarge, kNow + 9'999));
  EXPECT_TRUE(freed.IsDeletionDue(kLarge, kNow + 10'000));
}

TEST(FreedSegments, TheOthersDoNotWaitAgainWhenTheOldestHasGone) {
  FreedSegments freed(kLarge);
  for (std::uint64_t i = 1; i <= 3; ++i) freed.Add(Named(i), kLarge, {});
  EXPECT_FALSE(freed.IsDeletionDue(kLarge, kNow));
  for (std::uint64_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(freed.IsDeletionDue(kLarge, kNow + 10'000));
    EXPECT_EQ(freed.TakeOldest(), Named(i));
  }
}

TEST(FreedSegments, AClockThatIsSteppedBackKeepsNothingForLonger) {
  FreedSegments freed(kLarge);
  freed.Add(Named(1), kLarge, {});
  EXPECT_FALSE(freed.IsDeletionDue(kLarge, kNow));
  EXPECT_FALSE(freed.IsDeletionDue(kLarge, kNow - 500'000));
  EXPECT_TRUE(freed.IsDeletionDue(kLarge, kNow - 490'000));
}

TEST(FreedSegments, WhatDoesNotFitOrIsSmallGoesAtOnce) {
  FreedSegments freed(kLarge);
  freed.Add(Named(1), kLarge, {});
  EXPECT_TRUE(freed.IsDeletionDue(2 * kLarge, kNow));
  FreedSegments small(kLarge);
  small.Add(Named(1), kLarge / 2, {});
  EXPECT_TRUE(small.IsDeletionDue(kLarge / 2, kNow));
}

TEST(FreedSegments, OnlyAFewAreKept) {
  FreedSegments freed(kLarge);
  for (std::uint64_t i = 1; i <= 5; ++i) freed.Add(Named(i), kLarge, {});
  EXPECT_TRUE(freed.IsDeletionDue(kLarge, kNow));
  EXPECT_EQ(freed.TakeOldest(), Named(1));
  EXPECT_FALSE(freed.IsDeletionDue(kLarge, kNow));
}

}  // namespace
}  // namespace raftmq
