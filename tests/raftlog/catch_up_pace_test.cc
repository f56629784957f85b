#include "raftlog/catch_up_pace.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

constexpr Microseconds kPeriod = CatchUpPace::kPeriod;
constexpr std::uint64_t kReadBytes = CatchUpPace::kHeldBackReadBytes;

// A log that others write to, and a follower that syncs each entry, a read of its own, at once.
class CatchUpPaceTest : public ::testing::Test {
 protected:
  std::size_t BytesToRead() { return pace_.BytesToRead(durable_.Next(), durable_, moment_); }
  void Feed(int reads) {
    for (int i = 0; i < reads; ++i) {
      durable_ = durable_.Next();
      pace_.Sent(durable_, durable_, kReadBytes);
    }
  }
  // A period in which it gets this many reads while the log gets `appended` bytes.
  void Pass(int reads, std::uint64_t appended) {
    static_cast<void>(BytesToRead());
    Feed(reads);
    moment_.now += kPeriod;
    moment_.appended_bytes += appended;
  }

  CatchUpPace pace_;
  CatchUpPace::Moment moment_{.is_live = true};
  Index durable_;
};

TEST_F(CatchUpPaceTest, WhileOthersAreServedOneSmallReadIsUnsynced) {
  EXPECT_EQ(pace_.BytesToRead(Index(1), Index(0), moment_), CatchUpPace::kHeldBackReadBytes);
  pace_.Sent(Index(1), Index(5), kReadBytes);
  EXPECT_EQ(pace_.BytesToRead(Index(6), Index(4), moment_), 0u);
  EXPECT_EQ(pace_.BytesToRead(Index(6), Index(5), moment_), CatchUpPace::kHeldBackReadBytes);
}

TEST_F(CatchUpPaceTest, ElseManyLargeOnes) {
  moment_.is_live = false;
  for (std::uint64_t i = 1; i <= CatchUpPace::kUnsyncedReadsMax; ++i) {
    EXPECT_EQ(pace_.BytesToRead(Index(i), Index(0), moment_), CatchUpPace::kReadBytes);
    pace_.Sent(Index(i), Index(i), CatchUpPace::kReadBytes);
  }
  EXPECT_EQ(pace_.BytesToRead(Index(17), Index(0), moment_), 0u);
  EXPECT_EQ(pace_.BytesToRead(Index(17), Index(1), moment_), CatchUpPace::kReadBytes);
}

TEST_F(CatchUpPaceTest, WhatHasToBeSentAgainIsNotWaitedFor) {
  pace_.Sent(Index(1), Index(5), kReadBytes);
  EXPECT_EQ(pace_.BytesToRead(Index(3), Index(2), moment_), CatchUpPace::kHeldBackReadBytes);
}

// Its disk may be full: the leader must not send the same as fast as it can.
TEST_F(CatchUpPaceTest, WhatIsRefusedAgainAndAgainIsSentAlone) {
  moment_.is_live = false;
  for (int i = 0; i <= CatchUpPace::kResendsMax; ++i) {
    EXPECT_EQ(pace_.BytesToRead(Index(1), Index(0), moment_), CatchUpPace::kReadBytes);
    pace_.Sent(Index(1), Index(5), CatchUpPace::kReadBytes);
    EXPECT_EQ(pace_.BytesToRead(Index(6), Index(0), moment_), CatchUpPace::kReadBytes);
    pace_.Sent(Index(6), Index(9), CatchUpPace::kReadBytes);
  }
  EXPECT_EQ(pace_.BytesToRead(Index(1), Index(0), moment_), CatchUpPace::kReadBytes);
  pace_.Sent(Index(1), Index(5), CatchUpPace::kReadBytes);
  EXPECT_EQ(pace_.BytesToRead(Index(6), Index(0), moment_), 0u);
  EXPECT_EQ(pace_.BytesToRead(Index(6), Index(1), moment_), CatchUpPace::kReadBytes);
}

TEST_F(CatchUpPaceTest, WhoDoesNotGetTwiceWhatIsAppendedIsHeldBackNoLonger) {
  Pass(/*reads=*/4, /*appended=*/2 * kReadBytes);
  EXPECT_EQ(BytesToRead(), CatchUpPace::kHeldBackReadBytes);
  Pass(/*reads=*/4, /*appended=*/2 * kReadBytes + 1);
  EXPECT_EQ(BytesToRead(), CatchUpPace::kReadBytes);
}

TEST_F(CatchUpPaceTest, WhoGetsIsHeldBackAgain) {
  Pass(/*reads=*/4, /*appended=*/4 * kReadBytes);
  Pass(/*reads=*/20, /*appended=*/4 * kReadBytes);
  EXPECT_EQ(BytesToRead(), CatchUpPace::kHeldBackReadBytes);
}

TEST_F(CatchUpPaceTest, WhatIsSentAgainBringsNobodyNearer) {
  static_cast<void>(BytesToRead());
  for (int i = 0; i < 4; ++i) pace_.Sent(Index(1), Index(5), kReadBytes);
  moment_.now += kPeriod;
  moment_.appended_bytes += kReadBytes;
  EXPECT_EQ(pace_.BytesToRead(Index(6), Index(5), moment_), CatchUpPace::kReadBytes);
}

// It is away; when it is back, others must not suffer for that.
TEST_F(CatchUpPaceTest, WhoGotNothingIsHeldBack) {
  Pass(/*reads=*/0, /*appended=*/100 * kReadBytes);
  EXPECT_EQ(BytesToRead(), CatchUpPace::kHeldBackReadBytes);
}

TEST_F(CatchUpPaceTest, WhoWasFedFromTheCacheForAWhileIsHeldBack) {
  Pass(/*reads=*/1, /*appended=*/100 * kReadBytes);
  moment_.now += kPeriod;
  EXPECT_EQ(BytesToRead(), CatchUpPace::kHeldBackReadBytes);
}

TEST(LiveTraffic, EndsAPauseAfterTheLastEntry) {
  LiveTraffic live;
  EXPECT_FALSE(live.GoesOn(Microseconds(0)));
  live.Note(Microseconds(5));
  EXPECT_TRUE(live.GoesOn(Microseconds(4) + LiveTraffic::kPause));
  EXPECT_FALSE(live.GoesOn(Microseconds(5) + LiveTraffic::kPause));
}

}  // namespace
}  // namespace raftmq
