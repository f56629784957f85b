// Every single bit of a small log of three segments, cleanly stopped, flipped: nothing wrong is
// served and nothing goes unreported. And the index, which may be deleted.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

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

class LogFlipTest : public testing::Test {
 protected:
  LogFlipTest() : driver_(SmallLog()) {
    for (int segment = 0; segment < 3; ++segment) {
      driver_.Append(90);
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

  LogDriver driver_;
  std::vector<std::string> names_;
  std::map<Index, std::vector<std::byte>> original_;
};

TEST_F(LogFlipTest, EveryFlippedBitOfASegmentIsFound) {
  const MemoryDisk disk = driver_.files().Snapshot();
  std::size_t flips = 0;
  const auto segments = driver_.log().Segments();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string path =
        "/p/" + SegmentName{segments[i].first, segments[i].first_offset}.LogFile();
    for (std::uint64_t bit = 0; bit < segments[i].used_bytes * 8; ++bit, ++flips) {
      MemoryFileSystem damaged(disk);
      damaged.Damage(path, bit / 8, static_cast<std::byte>(1u << (bit % 8)));
      ASSERT_EQ(Complaint(damaged), "") << path << " bit " << bit;
    }
  }
  EXPECT_GT(flips, 10'000u);
}

// An index file that is damaged or missing is made again, byte for byte; reads do not suffer.
TEST_F(LogFlipTest, EveryFlippedBitOfAnIndexIsMadeGood) {
  const MemoryDisk disk = driver_.files().Snapshot();
  for (const std::string& path : names_) {
    if (!path.ends_with(".index")) continue;
    const auto whole = BytesOf(driver_.files(), path);
    for (std::uint64_t bit = 0; bit <= whole.size() * 8; ++bit) {
      MemoryFileSystem damaged(disk);
      const bool remove = bit == whole.size() * 8;
      if (remove) static_cast<void>(damaged.Remove(path));
      if (!remove) damaged.Damage(path, bit / 8, static_cast<std::byte>(1u << (bit % 8)));
      RecoveryReport report;
      const auto log = PartitionLog::Open(damaged, driver_.options(), &report);
      ASSERT_TRUE(log.has_value()) << path << " bit " << bit << ": " << log.error().ToString();
      const Served served = ReadAll(**log);
      ASSERT_EQ(served.frames, original_) << path << " bit " << bit;
      ASSERT_EQ(BytesOf(damaged, path), whole) << path << " bit " << bit;
    }
  }
}

}  // namespace
}  // namespace raftmq
