// Every single bit of a small log of three segments, cleanly stopped, flipped: nothing wrong is
// served and nothing goes unreported. And the index, which may be deleted.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "segment/log_check.h"
#include "segment/segment_name.h"
#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

std::vector<std::byte> BytesOf(MemoryFileSystem& files, const std::string& path) {
  const auto file = files.Open(path, OpenMode::kRead);
  if (!file) return {};
  std::vector<std::byte> bytes(*(*file)->Size());
  EXPECT_TRUE((*file)->Read(0, bytes).has_value());
  return bytes;
}

// What a reader gets, entry by entry, until it meets an error or the end.
struct Served {
  std::map<Index, std::vector<std::byte>> frames;
  bool failed = false;
};

bool IsMarkedDamaged(const PartitionLog& log, Index index) {
  return std::ranges::any_of(log.damage(), [&](const DamagedRange& range) {
    return range.first <= index && index <= range.last;
  });
}

Served ReadAll(const PartitionLog& log) {
  Served served;
  for (Index next = log.bounds().first; next <= log.bounds().durable;) {
    if (IsMarkedDamaged(log, next)) {  // Who reads asks this first.
      served.failed = true;
      next = next.Next();
      continue;
    }
    const auto read = log.Read({.value = next.value()}, log.bounds().durable, 1u << 20);
    if (!read) break;
    const auto slice = read->Run();
    served.failed |= !slice.has_value();
    if (!slice || slice->last < slice->first) break;
    Index index = slice->first;
    EXPECT_EQ(index, next);
    for (ByteSpan left = slice->bytes.view(); !left.empty(); index = index.Next()) {
      const std::size_t length = ParseBatchHeader(left)->padded_length();
      served.frames[index].assign(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(length));
      left = left.subspan(length);
    }
    next = slice->last.Next();
  }
  return served;
}

// Used bytes that are flipped bit by bit: a small log, unless RAFTMQ_BIT_FLIP_BYTES asks for more.
std::size_t FlipBytes() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 1;  // Under sanitizers each flip takes ten times as long; the count is met without them.
#endif
  const char* const text = std::getenv("RAFTMQ_BIT_FLIP_BYTES");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

// Three segments, cleanly stopped.
class ThreeSegments {
 public:
  explicit ThreeSegments(std::size_t value_bytes) : driver_(SmallLog()) {
    for (int segment = 0; segment < 3; ++segment) {
      driver_.Append(value_bytes);
      driver_.Append(5);
      if (segment == 2) break;
      driver_.Commit();
      driver_.Background();
      driver_.Roll();
    }
    driver_.Commit();
    driver_.Append(30);
    driver_.Close();
    const auto entries = driver_.files().List("/p");
    for (const auto& entry : *entries) names_.push_back("/p/" + entry.name);
    original_ = ReadAll(driver_.log()).frames;
  }

  LogDriver& driver() { return driver_; }
  const std::vector<std::string>& names() const { return names_; }
  const std::map<Index, std::vector<std::byte>>& original() const { return original_; }

  bool IsGenuine(const Served& served) const {
    return std::ranges::all_of(served.frames, [&](const auto& frame) {
      const auto found = original_.find(frame.first);
      return found != original_.end() && found->second == frame.second;
    });
  }

  // Empty if the flip did no harm that nobody was told of.
  std::string Complaint(MemoryFileSystem& files) {
    RecoveryReport report;
    const auto log = PartitionLog::Open(files, driver_.options(), &report);
    if (!log) return "";
    const Served served = ReadAll(**log);
    if (!IsGenuine(served)) return "other bytes were served";
    if (served.failed || !report.damage.empty() || !report.notes.empty()) return "";
    return served.frames.size() < original_.size() ? "entries are gone, unreported"
                                                   : "the flip went unnoticed";
  }

 private:
  LogDriver driver_;
  std::vector<std::string> names_;
  std::map<Index, std::vector<std::byte>> original_;
};

// Calls back for each used bit of each segment, with the damaged disk; returns how many there were.
std::size_t FlipEachBit(ThreeSegments& log,
                        const std::function<void(MemoryFileSystem&, const std::string&)>& check) {
  const MemoryDisk disk = log.driver().files().Snapshot();
  std::size_t flips = 0;
  for (const auto& segment : log.driver().log().Segments()) {
    const std::string path = "/p/" + SegmentName{segment.first, segment.first_offset}.LogFile();
    for (std::uint64_t bit = 0; bit < segment.used_bytes * 8; ++bit, ++flips) {
      MemoryFileSystem damaged(disk);
      damaged.Damage(path, bit / 8, static_cast<std::byte>(1u << (bit % 8)));
      check(damaged, path + " bit " + std::to_string(bit));
      if (testing::Test::HasFatalFailure()) return flips;
    }
  }
  return flips;
}

// Small logs, each of another size, until the asked number of bytes was flipped: one large log
// would cost a whole scan of it for each bit.
void FlipLogs(
    const std::function<void(ThreeSegments&, MemoryFileSystem&, const std::string&)>& check) {
  std::size_t flips = 0;
  for (std::size_t i = 0; flips < FlipBytes() * 8; ++i) {
    ThreeSegments log(90 + i * 37 % 400);
    flips += FlipEachBit(log, [&](MemoryFileSystem& damaged, const std::string& what) {
      check(log, damaged, what);
    });
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(flips, 10'000u);
}

TEST(LogFlipTest, EveryFlippedBitOfASegmentIsFound) {
  FlipLogs([](ThreeSegments& log, MemoryFileSystem& damaged, const std::string& what) {
    ASSERT_EQ(log.Complaint(damaged), "") << what;
  });
}

// While the log is open.
TEST(LogFlipTest, EveryFlippedBitOfASealedSegmentIsFoundByItsCheck) {
  ThreeSegments three(90);
  MemoryFileSystem files(three.driver().files().Snapshot());
  RecoveryReport report;
  const auto log = PartitionLog::Open(files, three.driver().options(), &report);
  ASSERT_TRUE(log.has_value());
  std::size_t flips = 0;
  for (const auto& segment : (*log)->Segments()) {
    if (!segment.sealed) continue;
    const std::string path = "/p/" + SegmentName{segment.first, segment.first_offset}.LogFile();
    for (std::uint64_t bit = 0; bit < segment.used_bytes * 8; ++bit, ++flips) {
      const auto flip = [&] {
        files.Damage(path, bit / 8, static_cast<std::byte>(1u << (bit % 8)));
      };
      flip();
      const auto check = (*log)->CheckSegment(segment.first);
      while (check->Step(512)) continue;
      ASSERT_FALSE(check->damage().empty()) << path << " bit " << bit;
      flip();
    }
  }
  EXPECT_GT(flips, 5'000u);
}

// All of the newest segment is damaged, new entries follow, and the broker starts again.
TEST(LogFlipTest, DamageAtASegmentsFrontIsNeverPassedOverByWhatFollowsIt) {
  ThreeSegments three(90);
  const auto newest = three.driver().log().Segments().back();
  MemoryFileSystem damaged(three.driver().files().Snapshot());
  const std::string path = "/p/" + SegmentName{newest.first, newest.first_offset}.LogFile();
  for (std::uint64_t at = 0; at < newest.used_bytes; ++at)
    damaged.Damage(path, at, std::byte{0x55});
  auto driver = LogDriver::GoOn(three.driver().options(), damaged.Snapshot());
  driver->Append(50);
  for (int start = 0; start < 2; ++start) {
    const PartitionLog& log = driver->log();
    const LogBounds bounds = log.bounds();
    const auto read = [&](ReadFrom from) {
      const auto job = log.Read(from, bounds.durable, 1);
      const auto slice = job->Run();
      return slice ? slice->first.value() : 0;
    };
    for (Index index = newest.first; index < bounds.last; index = index.Next()) {
      EXPECT_EQ(read({.by = ReadFrom::By::kIndex, .value = index.value()}), 0u);
      EXPECT_TRUE(log.TermAt(index).has_value());
    }
    EXPECT_EQ(read({.by = ReadFrom::By::kOffset, .value = newest.first_offset.value()}), 0u);
    EXPECT_EQ(read({.by = ReadFrom::By::kTimestamp, .value = 1000}), 2u);  // In front of it.
    EXPECT_EQ(read({.by = ReadFrom::By::kIndex, .value = bounds.last.value()}),
              bounds.last.value());
    driver = LogDriver::GoOn(driver->options(), driver->files().Snapshot());
  }
}

// The index beside it still tells of what is gone.
TEST(LogFlipTest, ASealedSegmentThatWasCutIsReportedAndServedUpToTheCut) {
  ThreeSegments three(90);
  const auto segment = three.driver().log().Segments().front();
  const std::string path = "/p/" + SegmentName{segment.first, segment.first_offset}.LogFile();
  const auto whole = BytesOf(three.driver().files(), path);
  for (const std::uint64_t gone : {1u, 7u, 100u, 5000u}) {
    MemoryFileSystem files(three.driver().files().Snapshot());
    ASSERT_TRUE(files.Remove(path).has_value());
    const auto file = files.Open(path, OpenMode::kCreate);
    const std::uint64_t left = gone > segment.used_bytes ? 0 : segment.used_bytes - gone;
    ASSERT_TRUE((*file)->Write(0, ByteSpan(whole).first(left)).has_value());
    RecoveryReport report;
    const auto log = PartitionLog::Open(files, three.driver().options(), &report);
    if (!log) continue;  // Its checkpoint was the only committed one.
    const Served served = ReadAll(**log);
    EXPECT_TRUE(three.IsGenuine(served));
    EXPECT_TRUE(served.failed);
    EXPECT_FALSE(report.damage.empty());
    EXPECT_LT(served.frames.size(), three.original().size());
  }
}

TEST(LogFlipTest, VerifyNamesEveryFlippedBitOfASegment) {
  FlipLogs([](ThreeSegments&, MemoryFileSystem& damaged, const std::string& what) {
    const auto check = CheckPartition(damaged, "/p", {});
    ASSERT_TRUE(check.has_value()) << what << ": " << check.error().ToString();
    ASSERT_FALSE(check->faults.empty()) << what;
  });
}

// Also of meta, of which each page has a twin, and of the index files.
TEST(LogFlipTest, VerifyNamesFlippedBitsOfTheSmallFiles) {
  ThreeSegments log(90);
  const MemoryDisk disk = log.driver().files().Snapshot();
  MemoryFileSystem whole(disk);
  const auto check = CheckPartition(whole, "/p", {});
  ASSERT_TRUE(check.has_value());
  EXPECT_TRUE(check->faults.empty());
  EXPECT_TRUE(check->notes.empty());
  for (const std::string& path : log.names()) {
    if (path.ends_with(".log")) continue;
    const std::size_t size = BytesOf(whole, path).size();
    for (std::uint64_t bit = 0; bit < size * 8; bit += path.ends_with("meta") ? 11 : 1) {
      MemoryFileSystem damaged(disk);
      damaged.Damage(path, bit / 8, static_cast<std::byte>(1u << (bit % 8)));
      const auto found = CheckPartition(damaged, "/p", {});
      ASSERT_TRUE(!found || !found->faults.empty()) << path << " bit " << bit;
    }
  }
}

TEST(LogFlipTest, VerifyTakesAMissingIndexForHarmless) {
  ThreeSegments log(90);
  MemoryFileSystem files(log.driver().files().Snapshot());
  for (const std::string& path : log.names()) {
    if (!path.ends_with(".index")) continue;
    ASSERT_TRUE(files.Remove(path).has_value());
  }
  const auto check = CheckPartition(files, "/p", {});
  ASSERT_TRUE(check.has_value());
  EXPECT_TRUE(check->faults.empty());
  EXPECT_EQ(check->notes.size(), 2u);
  EXPECT_EQ(check->segments, 3u);
}

// An index file that is damaged or missing is made again, byte for byte; reads do not suffer.
TEST(LogFlipTest, EveryFlippedBitOfAnIndexIsMadeGood) {
  ThreeSegments three(90);
  const MemoryDisk disk = three.driver().files().Snapshot();
  for (const std::string& path : three.names()) {
    if (!path.ends_with(".index")) continue;
    const auto whole = BytesOf(three.driver().files(), path);
    for (std::uint64_t bit = 0; bit <= whole.size() * 8; ++bit) {
      MemoryFileSystem damaged(disk);
      const bool remove = bit == whole.size() * 8;
      if (remove) static_cast<void>(damaged.Remove(path));
      if (!remove) damaged.Damage(path, bit / 8, static_cast<std::byte>(1u << (bit % 8)));
      RecoveryReport report;
      const auto log = PartitionLog::Open(damaged, three.driver().options(), &report);
      ASSERT_TRUE(log.has_value()) << path << " bit " << bit << ": " << log.error().ToString();
      const Served served = ReadAll(**log);
      ASSERT_EQ(served.frames, three.original()) << path << " bit " << bit;
      ASSERT_EQ(BytesOf(damaged, path), whole) << path << " bit " << bit;
    }
  }
}

}  // namespace
}  // namespace raftmq
