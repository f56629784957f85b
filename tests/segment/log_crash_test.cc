// Crash states of the log: after a power cut at any step, what was synced is there, nothing else
// appears, and a second crash during recovery is harmless. RAFTMQ_CRASH_IMAGES sets how many images
// are tried for each of the workloads; equal ones are recovered once.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdlib>

#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

// Under sanitizers each image takes ten times as long; the count is met without them.
std::size_t ImagesMax() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 2'000;
#else
  const char* const given = std::getenv("RAFTMQ_CRASH_IMAGES");
  return given ? std::strtoull(given, nullptr, 10) : 20'000;
#endif
}

// The entries that two states agree on, from index 1.
std::uint64_t CommonLast(const LogContents& one, const LogContents& other) {
  std::uint64_t last = 0;
  for (std::uint64_t i = 1; i <= std::min(one.last(), other.last()); ++i) {
    const bool is_gone = i < one.first.value() || i < other.first.value();
    if (!is_gone && one.hashes[i] != other.hashes[i]) break;
    last = i;
  }
  return last;
}

bool Holds(const LogContents& contents, std::uint64_t index, std::uint64_t hash) {
  return index <= contents.last() && index >= contents.first.value() &&
         contents.hashes[index] == hash;
}

// The promises around a step of the trace.
struct Around {
  const LogContents& old;
  const LogDriver::Promise& next;
};
Around PromisesAround(const LogDriver& driver, std::size_t steps) {
  const auto& promises = driver.promises();
  const auto next =
      std::ranges::find_if(promises, [&](const auto& promise) { return promise.steps > steps; });
  return {std::prev(next)->contents, next == promises.end() ? promises.back() : *next};
}

// What is found lies between the last promise before the crash and the next one; what was staged in
// between may be there too.
void ExpectBetween(const LogContents& found, const Around& around, const std::string& what) {
  const LogContents& old = around.old;
  const LogContents& next = around.next.contents;
  EXPECT_GE(found.first, old.first) << what;
  EXPECT_LE(found.first, next.first) << what;
  EXPECT_GE(found.last(), CommonLast(old, next)) << what;
  for (std::uint64_t i = found.first.value(); i <= found.last(); ++i)
    ASSERT_TRUE(Holds(old, i, found.hashes[i]) || Holds(next, i, found.hashes[i]) ||
                std::ranges::count(around.next.staged, found.hashes[i]) == 1)
        << "entry " << i << " is neither old nor new: " << what;
}

Result<LogContents> Recover(MemoryFileSystem& files, const LogOptions& options,
                            const std::string& what) {
  RecoveryReport report;
  RAFTMQ_TRY_ASSIGN(const auto log, PartitionLog::Open(files, options, &report));
  EXPECT_TRUE(report.damage.empty()) << what << ": " << report.damage.front().what;
  // A segment is there for its checkpoint: without it the roll has not happened.
  for (const PartitionLog::SegmentInfo& segment : log->Segments())
    EXPECT_GT(segment.used_bytes, 0u) << what << ": segment " << segment.first.value();
  return ContentsOf(*log);
}

void ExpectASecondCrashDoesNoHarm(const OperationTrace& recovery, const LogContents& found,
                                  const Around& around, const LogOptions& options,
                                  const std::string& first) {
  ForEachCrashImage(recovery, {.images_max = 16}, [&](const CrashImage& image) {
    MemoryFileSystem left(image.disk);
    const std::string what = first + ", then " + image.what;
    const auto again = Recover(left, options, what);
    ASSERT_TRUE(again.has_value()) << what << ": " << again.error().ToString();
    // What the first recovery read and did not promise may be lost with it, never changed.
    ExpectBetween(*again, around, what);
    ASSERT_TRUE(image.steps < recovery.size() ||
                (again->first == found.first && again->hashes == found.hashes))
        << what;
  });
}

// The process dies at each step, its writes stay in the disk's cache; the next one recovers by
// them, and then the power goes.
void CheckEveryKillBeforeACrash(const LogDriver& driver) {
  for (std::size_t steps = driver.promises().front().steps; steps <= driver.trace().size();
       ++steps) {
    const Around around = PromisesAround(driver, steps);
    MemoryFileSystem left(driver.trace().DiskAfter(steps));
    OperationTrace recovery(&left);
    const std::string what = "killed after step " + std::to_string(steps);
    const auto found = Recover(left, driver.options(), what);
    ASSERT_TRUE(found.has_value()) << what << ": " << found.error().ToString();
    ExpectBetween(*found, around, what);
    ExpectASecondCrashDoesNoHarm(recovery, *found, around, driver.options(), what);
    if (testing::Test::HasFailure()) return;
  }
}

void CheckEveryCrash(const LogDriver& driver) {
  // The scan buffer of each recovery stays in the heap instead of being mapped and faulted in anew.
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  const auto& promises = driver.promises();
  std::size_t number = 0;
  const CrashImageOptions options{.images_max = ImagesMax()};
  ForEachCrashImage(driver.trace(), options, [&](const CrashImage& image) {
    if (image.steps < promises.front().steps || testing::Test::HasFailure()) return;
    const Around around = PromisesAround(driver, image.steps);
    MemoryFileSystem left(image.disk);
    OperationTrace recovery(&left);
    const auto found = Recover(left, driver.options(), image.what);
    ASSERT_TRUE(found.has_value()) << image.what << ": " << found.error().ToString();
    ExpectBetween(*found, around, image.what);
    if (++number % 8 == 0)
      ExpectASecondCrashDoesNoHarm(recovery, *found, around, driver.options(), image.what);
  });
  CheckEveryKillBeforeACrash(driver);
  std::printf("%zu crash images of %zu steps, seed %llu\n", number, driver.trace().size(),
              static_cast<unsigned long long>(options.seed));
}

class LogCrashTest : public testing::TestWithParam<bool> {
 protected:
  LogOptions Options() const {
    LogOptions options = SmallLog();
    options.fresh_page_per_job = GetParam();
    return options;
  }
};

TEST_P(LogCrashTest, AppendingOneByOneAndInGroups) {
  LogDriver driver(Options());
  for (const std::size_t bytes : {10u, 500u, 3000u, 20u}) driver.Append(bytes);
  driver.Stage(100);
  driver.Stage(2000);
  driver.Flush();
  driver.SaveHardState(3);
  driver.Background();
  CheckEveryCrash(driver);
}

TEST_P(LogCrashTest, RollingAndTrimmingTheFront) {
  LogDriver driver(Options());
  for (int segment = 0; segment < 3; ++segment) {
    driver.Append(2000);
    driver.Append(700);
    driver.Background();
    driver.Roll();
  }
  driver.Append(50);
  driver.Commit();
  driver.Append(60);
  driver.Trim(2);
  driver.Append(70);
  CheckEveryCrash(driver);
}

TEST_P(LogCrashTest, CuttingTheTailAndWritingAnother) {
  LogDriver driver(Options());
  driver.Append(600);
  driver.Append(600);
  driver.Commit();
  for (int i = 0; i < 3; ++i) driver.Append(1500);
  driver.Background();
  driver.Cut(Index(4));
  driver.Append(900);
  driver.Append(40);
  CheckEveryCrash(driver);
}

TEST_P(LogCrashTest, CuttingDownToEntriesOfTheSameJob) {
  LogDriver driver(Options());
  driver.Append(600);
  driver.Commit();
  driver.Stage(1500);
  driver.Stage(3000);
  driver.Stage(100);
  driver.Cut(Index(4));
  driver.Append(40);
  CheckEveryCrash(driver);
}

TEST_P(LogCrashTest, CuttingAcrossASegmentBoundary) {
  LogDriver driver(Options());
  driver.Append(600);
  driver.Commit();
  driver.Append(1500);
  driver.Append(1500);
  driver.Roll();
  driver.Append(300);
  driver.Background();
  driver.Cut(Index(3));
  driver.Append(200);
  driver.Close();
  CheckEveryCrash(driver);
}

// More than half of the active segment, so that the next file is prepared.
void FillHalf(LogDriver& driver) {
  for (int i = 0; i < 5; ++i) driver.Append(8000);
}

TEST_P(LogCrashTest, RollingIntoTheFileOfATrimmedSegment) {
  LogDriver driver(Options());
  for (int segment = 0; segment < 2; ++segment) {
    driver.Append(2000);
    driver.Roll();
  }
  driver.Append(50);
  driver.Commit();
  FillHalf(driver);
  driver.Trim(2);  // One file goes, one is taken over.
  driver.Roll();
  driver.Append(300);
  driver.Append(40);
  CheckEveryCrash(driver);
}

TEST_P(LogCrashTest, RollingIntoAFileWrittenWithZeros) {
  LogOptions options = Options();
  options.zero_ahead_bytes_min = options.segment_bytes_first;
  LogDriver driver(options);
  FillHalf(driver);
  driver.Background();
  driver.Roll();
  driver.Append(300);
  driver.Background();
  CheckEveryCrash(driver);
}

TEST_P(LogCrashTest, CheckpointsInSeveralParts) {
  LogDriver driver(Options());
  driver.SetCheckpointState(8000);
  driver.Append(700);
  driver.Commit();
  driver.Roll();
  driver.Append(60);
  driver.Commit();
  driver.Append(70);
  driver.Roll();
  driver.Cut(Index(8));  // Between its parts.
  driver.Append(80);
  CheckEveryCrash(driver);
}

TEST_P(LogCrashTest, AResetBeyondTheLogAndWhatFollows) {
  LogDriver driver(Options());
  driver.Append(600);
  driver.Commit();
  driver.Append(1500);
  driver.Roll();
  driver.Append(300);
  driver.Background();
  driver.Reset(40, 41);
  driver.Roll();
  driver.Append(200);
  driver.Append(40);
  driver.Cut(Index(42));
  driver.Append(90);
  driver.Roll();
  driver.Append(30);
  CheckEveryCrash(driver);
}

// What a follower gets of the past proves itself: committed long ago, and not yet synced here.
TEST_P(LogCrashTest, CatchingUpWithWhatIsCommitted) {
  LogDriver driver(Options());
  driver.Append(600);
  driver.CatchUp({5000, 300, 9000, 40});
  driver.CatchUp({3000, 6000, 200});
  driver.Append(100);
  driver.Append(70);
  driver.Background();
  driver.CatchUp({40, 8000});
  CheckEveryCrash(driver);
}

TEST_P(LogCrashTest, CatchingUpAcrossSegmentsAfterAReset) {
  LogDriver driver(Options());
  driver.Append(600);
  driver.SetCheckpointState(8000);
  while (!driver.log().CanRoll(0)) driver.Background();
  driver.log().Reset(driver.BaseAt(40, 43));
  driver.StageRoll();
  driver.CatchUp({5000, 300});
  driver.CatchUp({3000, 200});
  driver.Background();
  driver.Roll();
  driver.CatchUp({4000, 200});
  CheckEveryCrash(driver);
}

// The old log has a segment of the very name that the new one begins with.
TEST_P(LogCrashTest, AResetIntoAnotherHistoryWithACheckpointInParts) {
  LogDriver driver(Options());
  driver.Append(600);
  driver.Commit();
  driver.Append(1500);
  driver.Roll();
  driver.Append(300);
  driver.Append(400);
  driver.SetCheckpointState(8000);
  driver.Reset(3, 6);
  driver.Roll();
  driver.Append(200);
  driver.SaveHardState(9);
  CheckEveryCrash(driver);
}

TEST_P(LogCrashTest, AResetAfterAReset) {
  LogDriver driver(Options());
  driver.Append(600);
  driver.Reset(20, 21);
  driver.Reset(40, 41);
  driver.Roll();
  driver.Append(200);
  driver.Reset(60, 61);
  driver.Roll();
  driver.Append(30);
  driver.Close();
  CheckEveryCrash(driver);
}

TEST_P(LogCrashTest, GoingOnAfterACrash) {
  LogDriver first(Options());
  for (const std::size_t bytes : {600u, 3000u, 20u}) first.Append(bytes);
  first.Stage(5000);
  first.log().TakeJob()->Write();  // Without its sync.
  for (const bool keep : {false, true}) {
    UniformCrashChooser chooser(keep);
    const auto left = first.files().AfterPowerCut(chooser);
    const auto driver = LogDriver::GoOn(Options(), left->Snapshot());
    driver->Append(10);
    driver->Append(2000);
    driver->Roll();
    driver->Append(30);
    CheckEveryCrash(*driver);
  }
}

TEST_P(LogCrashTest, CuttingAfterARestart) {
  LogDriver first(Options());
  first.Append(600);
  first.Commit();
  first.Append(600);
  first.Append(1500);
  first.Roll();
  first.Append(300);
  first.Background();
  const auto driver = LogDriver::GoOn(Options(), first.files().Snapshot());
  driver->Cut(Index(3));
  driver->Append(200);
  CheckEveryCrash(*driver);
}

TEST_P(LogCrashTest, AFullDiskThatFindsRoomAgain) {
  LogDriver driver(Options());
  driver.Append(900);
  driver.Roll();
  driver.Append(50);
  driver.Commit();
  driver.files().SetCapacity(200u << 10);  // Two segments and a bit.
  EXPECT_FALSE(driver.log().CanRoll(0).has_value());
  driver.Background();
  const Status full = driver.log().CanRoll(0);
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().code, ErrorCode::kDiskFull);
  driver.Append(60);  // The active segment has its blocks.
  driver.Trim(1);
  driver.Roll();
  driver.Append(70);
  CheckEveryCrash(driver);
}

INSTANTIATE_TEST_SUITE_P(PageOrNot, LogCrashTest, testing::Bool(), [](const auto& parameter) {
  return parameter.param ? "FreshPagePerJob" : "FramesFollowDirectly";
});

}  // namespace
}  // namespace raftmq
