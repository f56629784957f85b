// Crash states of the log: after a power cut at any step, what was synced is there, nothing else
// appears, and a second crash during recovery is harmless. RAFTMQ_CRASH_IMAGES sets how many images
// are tried for each of the eight workloads; equal ones are recovered once.
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

// What is found lies between the last promise before the crash and the next one.
void ExpectBetween(const LogContents& found, const LogContents& old, const LogContents& next,
                   const std::string& what) {
  EXPECT_GE(found.first, old.first) << what;
  EXPECT_LE(found.first, next.first) << what;
  EXPECT_GE(found.last(), CommonLast(old, next)) << what;
  for (std::uint64_t i = found.first.value(); i <= found.last(); ++i)
    ASSERT_TRUE(Holds(old, i, found.hashes[i]) || Holds(next, i, found.hashes[i]))
        << "entry " << i << " is neither old nor new: " << what;
}

Result<LogContents> Recover(MemoryFileSystem& files, const LogOptions& options,
                            const std::string& what) {
  RecoveryReport report;
  RAFTMQ_TRY_ASSIGN(const auto log, PartitionLog::Open(files, options, &report));
  EXPECT_TRUE(report.damage.empty()) << what << ": " << report.damage.front().what;
  return ContentsOf(*log);
}

void ExpectASecondCrashDoesNoHarm(const OperationTrace& recovery, const LogContents& found,
                                  std::uint64_t promised_last, const LogOptions& options,
                                  const std::string& first) {
  ForEachCrashImage(recovery, {.images_max = 16}, [&](const CrashImage& image) {
    MemoryFileSystem left(image.disk);
    const std::string what = first + ", then " + image.what;
    const auto again = Recover(left, options, what);
    ASSERT_TRUE(again.has_value()) << what << ": " << again.error().ToString();
    // What the first recovery read and did not promise may be lost with it, never changed.
    ASSERT_EQ(again->first, found.first) << what;
    ASSERT_GE(again->last(), promised_last) << what;
    for (std::uint64_t i = again->first.value(); i <= again->last(); ++i)
      ASSERT_TRUE(Holds(found, i, again->hashes[i])) << what;
    ASSERT_TRUE(image.steps < recovery.size() || again->last() == found.last()) << what;
  });
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
    const auto next = std::find_if(promises.begin(), promises.end(), [&](const auto& promise) {
      return promise.steps > image.steps;
    });
    const LogContents& old = std::prev(next)->contents;
    const LogContents& after = next == promises.end() ? old : next->contents;
    MemoryFileSystem left(image.disk);
    OperationTrace recovery(&left);
    const auto found = Recover(left, driver.options(), image.what);
    ASSERT_TRUE(found.has_value()) << image.what << ": " << found.error().ToString();
    ExpectBetween(*found, old, after, image.what);
    if (++number % 8 == 0)
      ExpectASecondCrashDoesNoHarm(recovery, *found, CommonLast(old, after), driver.options(),
                                   image.what);
  });
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

INSTANTIATE_TEST_SUITE_P(PageOrNot, LogCrashTest, testing::Bool(), [](const auto& parameter) {
  return parameter.param ? "FreshPagePerJob" : "FramesFollowDirectly";
});

}  // namespace
}  // namespace raftmq
