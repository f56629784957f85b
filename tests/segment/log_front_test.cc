// Where a log begins: what retention took is gone, what is gone without it is damage.
#include <gtest/gtest.h>

#include <string>

#include "segment/log_check.h"
#include "segment/segment_name.h"
#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

std::string PathOf(const PartitionLog::SegmentInfo& segment) {
  return "/p/" + SegmentName{segment.first, segment.first_offset}.LogFile();
}

class LogFrontTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int segment = 0; segment < 3; ++segment) {
      if (segment > 0) driver_.Roll();
      for (int i = 0; i < 3; ++i) driver_.Append(3000);
      driver_.Commit();
    }
    driver_.Append(10);
    driver_.Close();
    segments_ = driver_.log().Segments();
  }
  std::unique_ptr<PartitionLog> Open(MemoryFileSystem& files) {
    report_ = RecoveryReport();
    auto log = PartitionLog::Open(files, driver_.options(), &report_);
    EXPECT_TRUE(log.has_value()) << log.error().ToString();
    return std::move(*log);
  }

  LogDriver driver_{SmallLog()};
  std::vector<PartitionLog::SegmentInfo> segments_;
  RecoveryReport report_;
};

TEST_F(LogFrontTest, MissingFirstFilesAreDamageAndTheLogStillBeginsThere) {
  const LogContents whole = ContentsOf(driver_.log());
  for (std::size_t missing = 1; missing <= 2; ++missing) {
    MemoryFileSystem files(driver_.files().Snapshot());
    for (std::size_t i = 0; i < missing; ++i)
      ASSERT_TRUE(files.Remove(PathOf(segments_[i])).has_value());
    const auto log = Open(files);
    EXPECT_EQ(log->bounds().first, Index(1));
    EXPECT_EQ(log->bounds().first_offset, Offset(0));
    ASSERT_EQ(log->damage().size(), 1u);
    const DamagedRange& range = log->damage().front();
    EXPECT_EQ(range.first, Index(1));
    EXPECT_EQ(range.last, segments_[missing].first.Minus(1));
    EXPECT_EQ(range.last_hash, whole.hashes[range.last.value()]);
    EXPECT_TRUE(log->TermAt(Index(1)).has_value());
    EXPECT_FALSE(report_.notes.empty());
  }
}

TEST_F(LogFrontTest, WhatRetentionTookIsNoDamage) {
  driver_.Trim(1);
  MemoryFileSystem files(driver_.files().Snapshot());
  const auto log = Open(files);
  EXPECT_TRUE(log->damage().empty());
  EXPECT_EQ(log->bounds().first, segments_[1].first);
}

// The mark names the new beginning before the file goes; a start ends what was begun.
TEST_F(LogFrontTest, AFileThatRetentionHadNotDeletedYetIsDeletedByTheNextStart) {
  const OperationTrace trace(&driver_.files());
  driver_.Trim(1);
  bool was_left = false;
  for (std::size_t steps = 0; steps <= trace.size(); ++steps) {
    MemoryFileSystem files(trace.DiskAfter(steps));
    const bool was_there = files.Inspect(PathOf(segments_[0])).has_value();
    const auto log = Open(files);
    EXPECT_TRUE(log->damage().empty()) << steps;
    const bool is_there = files.Inspect(PathOf(segments_[0])).has_value();
    EXPECT_EQ(is_there, log->bounds().first == Index(1));
    was_left |= was_there && !is_there;
  }
  EXPECT_TRUE(was_left);
}

TEST_F(LogFrontTest, RetentionMayTakeAFirstSegmentThatIsMissing) {
  MemoryFileSystem damaged(driver_.files().Snapshot());
  ASSERT_TRUE(damaged.Remove(PathOf(segments_[0])).has_value());
  const auto driver = LogDriver::GoOn(driver_.options(), damaged.Snapshot());
  ASSERT_EQ(driver->log().damage().size(), 1u);
  driver->log().TruncateBefore(segments_[1].first);
  EXPECT_TRUE(driver->log().damage().empty());
  EXPECT_EQ(driver->log().bounds().first, segments_[1].first);
  driver->Background();
  MemoryFileSystem files(driver->files().Snapshot());
  EXPECT_TRUE(Open(files)->damage().empty());
}

// Found by the simulator: the process ended because there was nothing left to use again.
TEST_F(LogFrontTest, AFileThatWentBeforeItCouldBeUsedAgainIsReplacedByANewOne) {
  PartitionLog& log = driver_.log();
  log.TruncateBefore(segments_[1].first);
  ASSERT_TRUE(driver_.files().Remove(PathOf(segments_[0])).has_value());
  const std::size_t kept = log.Segments().size();
  driver_.Roll();
  driver_.Append(100);
  EXPECT_EQ(log.Segments().size(), kept + 1);
  MemoryFileSystem files(driver_.files().Snapshot());
  EXPECT_TRUE(Open(files)->damage().empty());
}

TEST_F(LogFrontTest, AResetSetsTheBeginningAnew) {
  driver_.Reset(40, 41);
  MemoryFileSystem empty(driver_.files().Snapshot());
  EXPECT_EQ(Open(empty)->bounds().first, Index(41));
  driver_.Roll();
  driver_.Append(100);
  MemoryFileSystem files(driver_.files().Snapshot());
  const auto log = Open(files);
  EXPECT_EQ(log->bounds().first, Index(41));
  EXPECT_TRUE(log->damage().empty());
}

TEST_F(LogFrontTest, VerifyNamesMissingFirstFiles) {
  MemoryFileSystem files(driver_.files().Snapshot());
  ASSERT_TRUE(files.Remove(PathOf(segments_[0])).has_value());
  const auto check = CheckPartition(files, "/p", {});
  ASSERT_TRUE(check.has_value());
  ASSERT_EQ(check->faults.size(), 1u);
  EXPECT_EQ(check->faults.front().path, PathOf(segments_[0]));
  EXPECT_EQ(check->faults.front().last, segments_[1].first.Minus(1));
}

// Each part begins on a page of its own then, as any entry does that opens a job.
TEST(LogFront, ACheckpointWhosePartsCameInJobsOfTheirOwnIsFound) {
  LogOptions options = SmallLog();
  options.fresh_page_per_job = true;
  LogDriver driver(options);
  driver.Append(100);
  driver.SetCheckpointState(8000);
  driver.RollInJobs();
  driver.Commit();
  const Index checkpoint = driver.log().Segments().back().first;
  ASSERT_EQ(driver.log().tail().index, checkpoint.Plus(2));
  driver.Append(100);
  driver.Trim(1);
  driver.Close();
  RecoveryReport report;
  const auto log = PartitionLog::Open(driver.files(), options, &report);
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
  EXPECT_EQ(report.newest_checkpoint_index, checkpoint);
  EXPECT_EQ(report.newest_checkpoint.state_machine.size(), 8000u);
}

}  // namespace
}  // namespace raftmq
