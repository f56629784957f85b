// Hand-made scenarios of cuts, rolls and restarts that once lost or hid entries, or ended the
// process.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "segment/segment_name.h"
#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

// Everything is kept but one page.
class LosesOnePage final : public CrashChooser {
 public:
  explicit LosesOnePage(int number) : lost_(number) {}
  bool Keeps(std::uint64_t) override { return true; }
  PageFate FateOf(std::uint64_t, SectorMask written) override {
    return {.kept = seen_++ == lost_ ? SectorMask{0} : written};
  }

 private:
  const int lost_;
  int seen_ = 0;
};

TEST(LogScenarios, ARestartedLogCutsWhatIsNotCommitted) {
  LogDriver first(SmallLog());
  first.Append(100);
  first.Commit();
  for (int i = 0; i < 3; ++i) first.Append(100);
  first.Roll();
  first.Append(100);
  first.Background();
  const auto driver = LogDriver::GoOn(first.options(), first.files().Snapshot());
  driver->Cut(Index(3));
  EXPECT_EQ(driver->log().bounds().last, Index(3));
  driver->Append(70);
  const auto again = LogDriver::GoOn(first.options(), driver->files().Snapshot());
  EXPECT_EQ(ContentsOf(again->log()).hashes, ContentsOf(driver->log()).hashes);
}

TEST(LogScenarios, AReadWhileTheTailIsCutDamagesNothing) {
  LogDriver driver(SmallLog());
  driver.Append(3000);
  driver.Append(3000);  // Crosses a page.
  driver.Commit();
  driver.Append(3000);
  driver.log().TruncateAfter(Index(3));
  const auto read = driver.log().Read({.value = 3}, Index(3), 1u << 20);
  const auto slice = read->Run();
  ASSERT_FALSE(slice.has_value());
  EXPECT_EQ(slice.error().code, ErrorCode::kNotYet);
  EXPECT_EQ(read->damage(), nullptr);
  driver.Flush();
  EXPECT_TRUE(driver.log().Read({.value = 3}, Index(3), 1u << 20)->Run().has_value());
}

// It waits for the pool while the log is cut and written anew.
TEST(LogScenarios, AReadThatACutOvertakesFindsNoDamage) {
  LogDriver driver(SmallLog());
  for (int i = 0; i < 12; ++i) driver.Append(1000);
  PartitionLog& log = driver.log();
  const auto read = log.Read({.value = 10}, log.bounds().durable, 1u << 20);
  driver.Cut(Index(5));
  for (int i = 0; i < 4; ++i) driver.Append(1700);
  const auto slice = read->Run();
  ASSERT_FALSE(slice.has_value());
  EXPECT_EQ(read->damage(), nullptr) << read->damage()->what;
}

TEST(LogScenarios, AFileIsNotTakenOverWhileSomebodyReadsIt) {
  LogDriver driver(SmallLog());
  for (int i = 0; i < 8; ++i) driver.Append(5000);
  driver.Background();
  driver.Roll();
  driver.Append(5000);
  driver.Commit();
  const auto held = driver.log().Read({.value = 3}, Index(6), 1u << 20)->Run();
  const auto waiting = driver.log().Read({.value = 2}, Index(6), 1u << 20);
  const std::uint64_t hash = ParseBatchHeader(held->bytes.view())->header_hash;
  for (int i = 0; i < 7; ++i) driver.Append(5000);
  driver.Trim(1);
  driver.Roll();
  for (int i = 0; i < 8; ++i) driver.Append(5000);
  EXPECT_EQ(ParseBatchHeader(held->bytes.view())->header_hash, hash);
  EXPECT_TRUE(waiting->Run().has_value());
  EXPECT_EQ(waiting->damage(), nullptr);
}

// What they hold is mapped by the log that was closed.
TEST(LogScenarios, AFileIsNotTakenOverWhileReadersFromBeforeAnOpeningReadIt) {
  LogDriver before(SmallLog());
  for (int i = 0; i < 8; ++i) before.Append(5000);
  before.Background();
  before.Roll();
  before.Append(5000);
  before.Commit();
  before.Append(10);
  before.Close();
  for (const bool is_known : {false, true}) {
    const auto driver = LogDriver::GoOn(SmallLog(), before.files().Snapshot());
    if (is_known) driver->log().KeepFilesForEarlierReaders();
    bool is_taken_over = false;
    driver->files().Observe([&is_taken_over](const DiskOperation& operation, const MemoryDisk&) {
      is_taken_over |= operation.kind == DiskOperation::Kind::kRename &&
                       operation.path == "/p/00000000000000000001-00000000000000000000.log";
    });
    for (int i = 0; i < 7; ++i) driver->Append(5000);
    driver->Trim(1);
    driver->Roll();
    EXPECT_EQ(is_taken_over, !is_known);
  }
}

TEST(LogScenarios, AVoteThatIsSavedWhileEntriesComeKeepsTheUnfinishedPageReadable) {
  LogDriver driver(SmallLog());
  driver.Append(100);
  driver.log().SaveHardState({Term(7), NodeId(2)});
  auto vote = driver.log().TakeJob();
  driver.Stage(100);
  vote->Write();
  vote->Sync();
  driver.log().Completed(std::move(vote));
  const auto slice = driver.log().Read({.value = 2}, Index(2), 1u << 20)->Run();
  ASSERT_TRUE(slice.has_value()) << slice.error().ToString();
  EXPECT_EQ(slice->last, Index(2));
}

TEST(LogScenarios, ARollWhoseCheckpointNeverArrivedIsUndone) {
  LogDriver first(SmallLog());
  for (int i = 0; i < 3; ++i) first.Append(100);
  const LogTail tail = first.log().tail();
  // Killed behind the rename of the prepared file.
  const SegmentName next{tail.index.Next(), tail.next_offset};
  const std::string path = first.options().directory + "/" + next.LogFile();
  ASSERT_TRUE((*first.files().Open(path, OpenMode::kCreate))->Allocate(64u << 10).has_value());
  const auto driver = LogDriver::GoOn(first.options(), first.files().Snapshot());
  EXPECT_EQ(driver->log().Segments().size(), 1u);
  EXPECT_EQ(driver->log().bounds().last, tail.index);
  driver->Append(100);  // No checkpoint: as a new leader's first entry.
  driver->Roll();
  const auto again = LogDriver::GoOn(first.options(), driver->files().Snapshot());
  EXPECT_EQ(again->log().Segments().size(), 2u);
  EXPECT_EQ(ContentsOf(again->log()).hashes, ContentsOf(driver->log()).hashes);
}

TEST(LogScenarios, AFollowerWithAFreshPageForEveryEntryHasRoomForAllItsLeaderTakes) {
  LogOptions options = SmallLog();
  options.fresh_page_per_job = true;
  LogDriver leader(options);
  LogDriver follower(options);
  int entries = 0;
  while (leader.log().room_for_control() > 500) {
    leader.Stage(100);  // All in one job.
    follower.Append(100);
    ++entries;
  }
  EXPECT_GT(entries, 10);
  EXPECT_EQ(leader.log().tail(), follower.log().tail());
}

// Thousands of quiet partitions must not hold a second file each.
TEST(LogScenarios, NothingIsPreparedAheadForASegmentLessThanHalfFull) {
  LogDriver driver(SmallLog());
  const auto files = [&] { return driver.files().List("/p")->size(); };
  const std::uint64_t room = driver.log().room_for_control();
  const std::size_t before = files();
  while (driver.log().room_for_control() > room / 2 + 8000) {
    driver.Append(3000);
    driver.Background();
    EXPECT_EQ(files(), before) << driver.log().room_for_control() << " of " << room << " left";
  }
  for (int i = 0; i < 4; ++i) driver.Append(3000);
  driver.Background();
  EXPECT_EQ(files(), before + 1);
}

// A follower's next file may be larger than the one its leader has chosen. When it leads itself, it
// must not put more into the segment than the others' files hold.
// Found by the simulator: the mark from before the first cut came back, and promised entries that
// it had taken.
TEST(LogScenarios, ACutThatOvertakesAnotherOneDoesNotBringTheMarkBeforeThatBack) {
  LogDriver driver(SmallLog());
  for (int i = 0; i < 6; ++i) driver.Append(100);
  driver.Background();
  PartitionLog& log = driver.log();
  const Index kept = log.bounds().last.Minus(4);
  log.TruncateAfter(kept);
  for (int i = 0; i < 2; ++i) driver.Stage(200);
  auto first = log.TakeJob();
  first->Write();
  first->Sync();
  log.TruncateAfter(kept.Next());
  log.Completed(std::move(first));
  driver.StageCommitted({300, 300});  // They would prove each other without a mark before them.
  const OperationTrace trace(&driver.files());
  auto second = log.TakeJob();
  second->Write();
  second->Sync();
  log.Completed(std::move(second));
  for (std::size_t steps = 0; steps <= trace.size(); ++steps) {
    MemoryFileSystem files(trace.DiskAfter(steps));
    RecoveryReport report;
    const auto opened = PartitionLog::Open(files, driver.options(), &report);
    ASSERT_TRUE(opened.has_value());
    EXPECT_TRUE(report.damage.empty()) << steps;
  }
}

TEST(LogScenarios, AnIdleLogIsMarkedThoughTheClockWasSteppedBack) {
  LogDriver driver(SmallLog());
  driver.Append(100);
  const auto take = [&driver](std::int64_t now_ms) {
    return driver.log().TakeBackgroundJob(now_ms);
  };
  EXPECT_EQ(take(5'000'000), nullptr);
  EXPECT_EQ(take(1'000'000), nullptr);
  EXPECT_NE(take(1'000'020), nullptr);
}

TEST(LogScenarios, ASegmentTakesWhatItsCheckpointSaysThoughItsFileIsLarger) {
  constexpr std::uint64_t kLeadersBytes = 64u << 10;
  LogOptions options = SmallLog();
  options.segment_bytes_first = options.segment_bytes_max = 2 * kLeadersBytes;
  LogDriver driver(options);
  driver.Append(10);
  while (!driver.log().CanRoll(kLeadersBytes)) driver.Background();
  driver.RollTo(kLeadersBytes);
  EXPECT_GT(driver.log().room_for_control(), 0u);
  EXPECT_LT(driver.log().room_for_control(), kLeadersBytes);
  const auto restarted = LogDriver::GoOn(options, driver.files().Snapshot());
  EXPECT_EQ(restarted->log().room_for_control(), driver.log().room_for_control());
}

TEST(LogScenarios, TheCommitFloorOutlivesTheTornTailThatProvedIt) {
  for (int lost = 0; lost < 6; ++lost) {
    LogDriver driver(SmallLog());
    driver.Append(2000);
    driver.Roll();
    driver.Background();
    driver.Commit();
    driver.Stage(6000);  // One of its pages is lost.
    driver.Stage(100);   // Whole, and says what is committed.
    driver.log().TakeJob()->Write();
    LosesOnePage chooser(lost);
    const auto left = driver.files().AfterPowerCut(chooser);
    RecoveryReport first, second;
    ASSERT_TRUE(PartitionLog::Open(*left, driver.options(), &first).has_value());
    ASSERT_TRUE(PartitionLog::Open(*left, driver.options(), &second).has_value());
    EXPECT_GE(second.commit_floor, first.commit_floor) << "page " << lost;
    EXPECT_EQ(second.newest_checkpoint_index, first.newest_checkpoint_index);
  }
}

TEST(LogScenarios, AKillAtAnyStepOfTheFoundingLeavesALogOrNone) {
  MemoryFileSystem files;
  const OperationTrace trace(&files);
  const LogOptions options = SmallLog();
  const LogFounding founding{.group_seed = 9,
                             .membership = {{.node = NodeId(1), .number = ReplicaNumber(1)}},
                             .replica = ReplicaNumber(1)};
  ASSERT_TRUE(PartitionLog::Create(files, options, founding).has_value());
  for (std::size_t steps = 0; steps <= trace.size(); ++steps) {
    MemoryFileSystem left(trace.DiskAfter(steps));
    RecoveryReport report;
    const auto log = PartitionLog::Open(left, options, &report);
    EXPECT_TRUE(log || log.error().code == ErrorCode::kNotFound) << log.error().ToString();
  }
}

}  // namespace
}  // namespace raftmq
