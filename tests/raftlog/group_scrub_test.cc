// Segments for the scrubber, on the real log and real files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/raftlog/file_world.h"

namespace raftmq {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kStepBytes = 8u << 10;

class GroupScrub : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.Start();
    for (int i = 0; i < 30; ++i)
      ASSERT_TRUE(world_.Produce({"value-" + std::to_string(i) + std::string(12'000, '.')}, i));
    world_.Settle();
  }
  // Reads all segments as the scrubber does; returns how many there were.
  int Scrub() {
    int segments = 0;
    Index from;
    while (auto segment = world_.group->CheckSegment(from)) {
      EXPECT_LE(from, segment->last);
      EXPECT_LE(segment->first, segment->last);
      while (segment->check->Step(kStepBytes)) continue;
      EXPECT_GT(segment->check->bytes_checked(), 0u);
      EXPECT_TRUE(world_.group->TakeDamage(*segment));
      from = segment->last.Next();
      ++segments;
    }
    EXPECT_EQ(from, world_.group->status().durable.Next());
    return segments;
  }
  // One bit of the value's record flips in whichever file holds it.
  void FlipBitOf(const std::string& value) {
    for (const auto& entry : std::filesystem::directory_iterator(world_.options.log.directory)) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      const auto at = bytes.find(value);
      if (at == std::string::npos) continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(bytes[at] ^ 1));
      return;
    }
    FAIL() << value << " is in no file";
  }

  FileWorld world_;
};

TEST_F(GroupScrub, EverySegmentUpToWhatIsSyncedIsReadOnce) {
  EXPECT_EQ(Scrub(), static_cast<int>(world_.group->status().segments));
  EXPECT_GT(world_.group->status().segments, 3u);
  EXPECT_THAT(world_.group->damage(), IsEmpty());
}

TEST_F(GroupScrub, WhatWasFlippedUnderWayIsMarkedInTheLog) {
  FlipBitOf("value-7.");
  Scrub();
  ASSERT_THAT(world_.group->damage(), SizeIs(1));
  EXPECT_EQ(world_.group->damage().front().first_offset, Offset(7));
  EXPECT_EQ(world_.group->damage().front().end_offset, Offset(8));
  Scrub();
  EXPECT_THAT(world_.group->damage(), SizeIs(1));
}

TEST_F(GroupScrub, WhatRetentionHasDeletedMeanwhileIsNotDamaged) {
  FlipBitOf("value-2.");
  auto segment = world_.group->CheckSegment(Index(1));
  ASSERT_TRUE(segment);
  while (segment->check->Step(kStepBytes)) continue;
  ASSERT_TRUE(world_.Trim(25));
  world_.Settle();
  EXPECT_TRUE(world_.group->TakeDamage(*segment));
  EXPECT_THAT(world_.group->damage(), IsEmpty());
}

TEST_F(GroupScrub, NothingIsGivenOutOnceTheLogIsBeingClosed) {
  world_.group->Drain([] {});
  EXPECT_FALSE(world_.group->CheckSegment(Index()));
}

}  // namespace
}  // namespace raftmq
