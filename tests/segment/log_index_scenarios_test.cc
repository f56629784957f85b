// Hand-made scenarios of index files that are missing, empty, wrong or of another log.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "segment/log_check.h"
#include "segment/segment_name.h"
#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

// What may be cut off can reach back into a sealed segment, whatever had to be rebuilt before it.
TEST(LogIndex, ALogWithARebuiltIndexIsCutWhereItShouldBe) {
  LogDriver driver(SmallLog());
  driver.Append(10);
  driver.Roll();
  driver.Append(10);
  driver.Roll();
  driver.Commit();
  driver.Append(10);  // Says that all before it is committed.
  driver.Append(10);
  const Index last_kept = driver.log().bounds().last;
  driver.Append(10);
  driver.Roll();
  driver.Background();
  driver.Background();  // Idle for long enough: the mark moves to the newest segment.
  driver.files().Damage("/p/00000000000000000001-00000000000000000000.index", 0, std::byte{1});
  const auto restarted = LogDriver::GoOn(SmallLog(), driver.files().Snapshot());
  restarted->Cut(last_kept);
  EXPECT_EQ(restarted->log().bounds().last, last_kept);
}

// Found by the simulator: where the newest segment was damaged as a whole, the old one's entries
// counted as those before the end.
TEST(LogIndex, ALogWithARebuiltIndexAndADamagedEndIsCutWhereItShouldBe) {
  LogDriver driver(SmallLog());
  driver.Append(10);
  driver.Roll();
  driver.Append(10);
  driver.Commit();
  driver.Append(10);  // Says that all before it is committed.
  driver.Append(10);
  const Index last_kept = driver.log().bounds().last;
  driver.Roll();
  driver.Background();
  driver.Background();  // Idle for long enough: the mark moves to the newest segment.
  const auto newest = driver.log().Segments().back();
  const SegmentName name{newest.first, newest.first_offset};
  driver.files().Damage("/p/00000000000000000001-00000000000000000000.index", 0, std::byte{1});
  driver.files().Damage("/p/" + name.LogFile(), 100, std::byte{1});
  const auto restarted = LogDriver::GoOn(SmallLog(), driver.files().Snapshot());
  ASSERT_EQ(restarted->log().damage().size(), 1u);
  restarted->Cut(last_kept);
  EXPECT_EQ(restarted->log().bounds().last, last_kept);
  EXPECT_EQ(restarted->log().tail().index, last_kept);
}

TEST(LogIndex, AFullDiskDoesNotKeepALogWithoutItsIndexFromOpening) {
  LogDriver driver(SmallLog());
  driver.Append(2000);
  driver.Roll();
  driver.Append(2000);
  driver.Commit();
  driver.Append(50);
  driver.Background();
  MemoryFileSystem files(driver.files().Snapshot());
  const auto entries = files.List("/p");
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(".index")) continue;
    ASSERT_TRUE(files.Remove("/p/" + entry.name).has_value());
  }
  files.SetCapacity((64u << 10) * 2 + 8 * kPageBytes);
  RecoveryReport report;
  const auto log = PartitionLog::Open(files, driver.options(), &report);
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
}

// What `raftmq log verify` says of an index that is there but not right.
void ExpectNoFaults(MemoryFileSystem& files) {
  const auto check = CheckPartition(files, "/p", {});
  ASSERT_TRUE(check.has_value()) << check.error().ToString();
  for (const LogFault& fault : check->faults) ADD_FAILURE() << fault.path << ": " << fault.what;
}

// The power goes right after a roll: the mark still lies in the sealed segment, and its index,
// which nobody syncs, is an empty file.
TEST(LogIndex, AnIndexThatAPowerCutTookIsWrittenAgainThoughItIsNotNeeded) {
  LogDriver driver(SmallLog());
  driver.Append(2000);
  driver.Roll();
  MemoryFileSystem files(driver.files().Snapshot());
  const std::string index = "/p/00000000000000000001-00000000000000000000.index";
  ASSERT_TRUE(files.Remove(index).has_value());
  ASSERT_TRUE(files.Open(index, OpenMode::kCreate).has_value());
  const auto restarted = LogDriver::GoOn(SmallLog(), files.Snapshot());
  ExpectNoFaults(restarted->files());
}

// Of what is kept nobody remembers the greatest timestamp.
TEST(LogIndex, AnIndexOfACutSegmentIsWrittenOnlyAsItWouldBeRebuilt) {
  LogDriver driver(SmallLog());
  driver.Append(100);
  driver.Commit();
  const Index last_kept = driver.log().bounds().last;
  driver.Stage(100, 5000);
  driver.Flush();
  driver.Cut(last_kept);
  driver.Append(100);
  driver.Roll();
  ExpectNoFaults(driver.files());
  const auto restarted = LogDriver::GoOn(SmallLog(), driver.files().Snapshot());
  ExpectNoFaults(restarted->files());
}

// The next start would take the file and not see the damage.
TEST(LogIndex, ASegmentThatIsDamagedWhenItIsSealedGetsNoIndex) {
  LogDriver driver(SmallLog());
  for (int i = 0; i < 5; ++i) driver.Append(3000);
  driver.Commit();
  driver.Close();
  MemoryFileSystem files(driver.files().Snapshot());
  files.Damage("/p/" + SegmentName{Index(1), Offset(0)}.LogFile(), 5000, std::byte{1});
  const auto damaged = LogDriver::GoOn(SmallLog(), files.Snapshot());
  ASSERT_EQ(damaged->log().damage().size(), 1u);
  damaged->Append(10);
  damaged->Roll();
  damaged->Append(10);
  damaged->Commit();
  damaged->Close();
  const auto restarted = LogDriver::GoOn(SmallLog(), damaged->files().Snapshot());
  ASSERT_EQ(restarted->log().damage().size(), 1u);
  EXPECT_EQ(restarted->log().damage().front().first, damaged->log().damage().front().first);
  EXPECT_EQ(restarted->log().damage().front().last, damaged->log().damage().front().last);
}

TEST(LogIndex, AnIndexOfAnotherLogIsMadeAnew) {
  const auto fill = [](LogDriver& driver, int entries) {
    for (int i = 0; i < entries; ++i) driver.Append(3000);
    driver.Commit();
    driver.Roll();
    driver.Append(10);
    driver.Commit();
    driver.Background();
  };
  LogDriver driver(SmallLog()), other(SmallLog());
  fill(driver, 12);
  fill(other, 7);
  const std::string path = "/p/" + SegmentName{Index(1), Offset(0)}.IndexFile();
  MemoryFileSystem files(driver.files().Snapshot());
  {
    const auto from = other.files().Open(path, OpenMode::kRead);
    std::vector<std::byte> bytes(*(*from)->Size());
    ASSERT_TRUE((*from)->Read(0, bytes).has_value());
    ASSERT_TRUE(files.Remove(path).has_value());
    ASSERT_TRUE((*files.Open(path, OpenMode::kCreate))->Write(0, bytes).has_value());
  }
  for (int start = 0; start < 2; ++start) {
    RecoveryReport report;
    const auto log = PartitionLog::Open(files, driver.options(), &report);
    ASSERT_TRUE(log.has_value()) << log.error().ToString();
    EXPECT_TRUE(report.damage.empty());
    EXPECT_EQ(report.notes.empty(), start == 1);
    EXPECT_EQ(ContentsOf(**log).hashes, ContentsOf(driver.log()).hashes);
  }
}

}  // namespace
}  // namespace raftmq
