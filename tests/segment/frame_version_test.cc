// The version of a frame: one that is not known is refused by name, and no damage looks like it.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "protocol/types/hash.h"
#include "tests/segment/log_repair_fixture.h"

namespace raftmq {
namespace {

// A log with or without a fresh page per job, cleanly stopped, and its last entry.
class FrameVersion : public testing::TestWithParam<bool> {
 protected:
  FrameVersion() {
    for (int i = 0; i < 3; ++i) driver_.Append(300);
    driver_.Commit();
    driver_.Append(300);
    driver_.Close();  // The mark names it.
    const PartitionLog::SegmentInfo segment = driver_.log().Segments().back();
    path_ = PathOf(segment);
    const Frames frames = FramesOf(driver_.log());
    const ByteSpan last = frames.rbegin()->second.view();
    frame_.assign(last.begin(), last.end());
    at_ = segment.used_bytes - frame_.size();
  }
  static LogOptions Options() {
    LogOptions options = SmallLog();
    options.fresh_page_per_job = GetParam();
    return options;
  }
  // Of the log with `last` in the place of its last entry.
  Status Open(ByteSpan last, RecoveryReport* report) {
    MemoryFileSystem files(driver_.files().Snapshot());
    EXPECT_TRUE((*files.Open(path_, OpenMode::kWrite))->Write(at_, last).has_value());
    const auto log = PartitionLog::Open(files, driver_.options(), report);
    return log ? Ok() : Fail(log.error());
  }

  LogDriver driver_{Options()};
  std::string path_;
  std::uint64_t at_ = 0;
  std::vector<std::byte> frame_;
};

// Found by the simulator: a file that ended behind the magic was made as long as it had been.
TEST_P(FrameVersion, OfAFrameWhoseEndIsGoneIsDamage) {
  for (std::size_t cut = 0; cut < frame_.size(); ++cut) {
    std::vector<std::byte> shorter = frame_;
    std::memset(shorter.data() + cut, 0, shorter.size() - cut);
    if (shorter == frame_) break;  // Padding.
    RecoveryReport report;
    const Status opened = Open(shorter, &report);
    ASSERT_TRUE(opened.has_value()) << "cut at byte " << cut << ": " << opened.error().ToString();
    EXPECT_EQ(report.damage.size(), 1u) << "cut at byte " << cut;
  }
}

TEST_P(FrameVersion, WithAFlippedBitIsDamageWhateverElseIsDamaged) {
  for (const std::size_t other : {kBatchVersionAt + 1, kBatchLengthAt + 3, frame_.size() - 16}) {
    std::vector<std::byte> flipped = frame_;
    flipped[kBatchVersionAt] ^= std::byte{2};
    flipped[other] ^= std::byte{0x40};
    RecoveryReport report;
    const Status opened = Open(flipped, &report);
    ASSERT_TRUE(opened.has_value()) << "byte " << other << ": " << opened.error().ToString();
    EXPECT_EQ(report.damage.size(), 1u) << "byte " << other;
  }
}

TEST_P(FrameVersion, ThatIsNotKnownIsRefusedByName) {
  std::vector<std::byte> newer = frame_;
  newer[kBatchVersionAt] = std::byte{2};
  newer[kBatchVersionAt + 1] = std::byte{200};  // A kind that nobody knows yet.
  const BatchHeader header = *ParseBatchHeader(frame_);
  StoreLittleEndian(
      newer.data() + kBatchPayloadHashAt,
      Hash64(ByteSpan(newer).subspan(kBatchMagicAt, header.producer.length - kBatchMagicAt)));
  StampBatch(newer, header.leader, LogDriver::kSeed);
  RecoveryReport report;
  const Status opened = Open(newer, &report);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().ToString(), "UNKNOWN_FORMAT: expected batch format 1, found 2");
}

INSTANTIATE_TEST_SUITE_P(FreshPages, FrameVersion, testing::Bool());

}  // namespace
}  // namespace raftmq
