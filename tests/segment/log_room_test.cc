// What a log says of the room behind an entry is what can be staged there after a cut.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

constexpr std::uint64_t kFrameUnitBytes = 8;  // Frames are padded to it.

std::size_t FrameBytes(std::size_t value_bytes) {
  BatchBuilder builder(64u << 10);
  EXPECT_TRUE(builder.Append({.value = std::string(value_bytes, 'x'), .timestamp_ms = 1000}));
  return builder.Finish({}).size();
}

// Of the longest value whose frame takes at most so many bytes.
std::size_t ValueBytesFor(std::uint64_t frame_bytes) {
  std::size_t value_bytes = frame_bytes;
  while (FrameBytes(value_bytes) > frame_bytes) --value_bytes;
  return value_bytes;
}

// Two segments of entries that came in jobs of one and of two; nothing is committed.
std::unique_ptr<LogDriver> MakeLog(bool fresh_page_per_job) {
  LogOptions options = SmallLog();
  options.fresh_page_per_job = fresh_page_per_job;
  auto driver = std::make_unique<LogDriver>(options);
  for (int segment = 0; segment < 2; ++segment) {
    if (segment > 0) driver->Roll();
    driver->Append(700);
    driver->Stage(100);
    driver->Stage(5000);
    driver->Flush();
    driver->Append(40);
  }
  return driver;
}

class LogRoomTest : public testing::TestWithParam<bool> {
 protected:
  // Of what may follow `kept`, as one append brings it, in one job.
  void StageTwoBehind(Index kept, std::uint64_t more_bytes) {
    const auto driver = MakeLog(GetParam());
    const auto left = driver->log().BytesLeftBehind(kept);
    ASSERT_TRUE(left.has_value());
    ASSERT_GT(*left, 1000u);
    driver->Cut(kept);
    EXPECT_EQ(driver->log().BytesLeftBehind(kept), left);
    driver->Stage(200);
    driver->Stage(ValueBytesFor(*left + more_bytes - FrameBytes(200)));
    EXPECT_EQ(driver->log().BytesLeftBehind(kept.Plus(2)), 0u);
    driver->Flush();
    driver->Close();
    EXPECT_EQ(LogDriver::GoOn(driver->options(), driver->files().Snapshot())->log().tail(),
              driver->log().tail());
  }
};

TEST_P(LogRoomTest, AllThatIsLeftBehindAnEntryCanBeStagedAfterACut) {
  const Index tail = MakeLog(GetParam())->log().tail().index;
  for (Index kept = Index(1); kept <= tail; kept = kept.Next()) {
    SCOPED_TRACE("behind entry " + std::to_string(kept.value()));
    StageTwoBehind(kept, 0);
  }
}

TEST_P(LogRoomTest, NoByteMoreThanWhatIsLeftCanBeStaged) {
  for (const Index kept : {Index(2), MakeLog(GetParam())->log().tail().index}) {
    EXPECT_DEATH(StageTwoBehind(kept, kFrameUnitBytes), "allocated_bytes");
  }
}

INSTANTIATE_TEST_SUITE_P(PageOrNot, LogRoomTest, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& layout) {
                           return layout.param ? "FreshPagePerJob" : "FramesFollowDirectly";
                         });

}  // namespace
}  // namespace raftmq
