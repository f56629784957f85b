#include "broker/scrub/scrub_pace.h"

#include <gtest/gtest.h>

namespace raftmq::broker {
namespace {

constexpr std::int64_t kDay = 24LL * 3600 * 1000;
constexpr std::uint64_t kGiB = 1u << 30;
constexpr std::int64_t kBegan = 1'700'000'000'000;
constexpr Microseconds kSecond{1'000'000};

ScrubLimits Weekly() { return {.period = Milliseconds(7 * kDay)}; }

TEST(ScrubPace, APassIsDueOncePerPeriodAndAtOnceWhereNoneEverBegan) {
  EXPECT_TRUE(IsPassDue(Weekly(), 0, kBegan));
  EXPECT_FALSE(IsPassDue(Weekly(), kBegan, kBegan + 7 * kDay - 1));
  EXPECT_TRUE(IsPassDue(Weekly(), kBegan, kBegan + 7 * kDay));
}

TEST(ScrubPace, AClockThatWasSetBackDelaysNothing) {
  EXPECT_TRUE(IsPassDue(Weekly(), kBegan + 300 * kDay, kBegan));
}

TEST(ScrubPace, WithoutAPeriodNoneIsEverDue) {
  EXPECT_FALSE(IsPassDue({.period = Milliseconds(0)}, 0, kBegan));
}

TEST(ScrubPace, APassIsSpreadOverNineTenthsOfThePeriod) {
  const std::uint64_t rate = PassRate(Weekly(), 100 * kGiB, kBegan, kBegan);
  const double seconds = static_cast<double>(100 * kGiB) / static_cast<double>(rate);
  EXPECT_NEAR(seconds, 6.3 * 24 * 3600, 60);
}

TEST(ScrubPace, ANodeThatWasDownReadsTheRestFasterButNeverAboveItsLimit) {
  const std::uint64_t steady = PassRate(Weekly(), 100 * kGiB, kBegan, kBegan);
  const std::uint64_t late = PassRate(Weekly(), 100 * kGiB, kBegan, kBegan + 5 * kDay);
  EXPECT_GT(late, 4 * steady);
  EXPECT_EQ(PassRate(Weekly(), 100 * kGiB, kBegan, kBegan + 8 * kDay), Weekly().rate);
  EXPECT_EQ(PassRate(Weekly(), 1'000'000 * kGiB, kBegan, kBegan), Weekly().rate);
}

TEST(ScrubPace, ANodeThatRunsHalfTheTimeStillReadsEverythingInThePeriod) {
  std::uint64_t left = 100 * kGiB;
  for (int day = 0; day < 7 && left > 0; ++day) {
    for (std::int64_t minute = 0; minute < 12 * 60; ++minute) {
      const std::int64_t now = kBegan + day * kDay + minute * 60'000;
      left -= std::min(left, 60 * PassRate(Weekly(), left, kBegan, now));
    }
  }
  EXPECT_EQ(left, 0u);
}

TEST(ScrubPace, TheRestIsNeverWaitedForForEver) {
  EXPECT_EQ(PassRate(Weekly(), 0, kBegan, kBegan), 1u);
  EXPECT_GT(TimeFor(~std::uint64_t{0}, 1).count(), 0);
}

TEST(ScrubGate, ShardsTogetherStayBelowTheRate) {
  ScrubGate gate;
  Microseconds now{5 * kSecond};
  std::uint64_t read = 0;
  for (; now < 15 * kSecond; now += Microseconds(10'000)) {
    for (int shard = 0; shard < 4; ++shard) {
      if (!gate.IsOpen(now)) continue;
      gate.Spend(kScrubStepBytes, 16u << 20, now);
      read += kScrubStepBytes;
    }
  }
  EXPECT_NEAR(static_cast<double>(read), 160.0 * (1u << 20), 20.0 * (1u << 20));
}

TEST(ScrubGate, TimeInWhichNobodyReadIsNotSavedUp) {
  ScrubGate gate;
  gate.Spend(1u << 20, 1u << 20, 3600 * kSecond);
  EXPECT_FALSE(gate.IsOpen(3600 * kSecond + Microseconds(999'999)));
  EXPECT_TRUE(gate.IsOpen(3601 * kSecond));
}

}  // namespace
}  // namespace raftmq::broker
