// The look at a segment of an open log: every damage is found and named with what is known of it.
#include "segment/segment_check.h"

#include <gtest/gtest.h>

#include <string>

#include "segment/damaged_ranges.h"
#include "segment/segment_name.h"
#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

std::string LogPath(const PartitionLog::SegmentInfo& segment) {
  return "/p/" + SegmentName{segment.first, segment.first_offset}.LogFile();
}
std::string IndexPath(const PartitionLog::SegmentInfo& segment) {
  return "/p/" + SegmentName{segment.first, segment.first_offset}.IndexFile();
}

// Two sealed segments and an active one; entries 1 to 4, 5 to 8, 9 to 12.
std::unique_ptr<LogDriver> ThreeSegments() {
  auto driver = std::make_unique<LogDriver>(SmallLog());
  for (int segment = 0; segment < 3; ++segment) {
    for (int i = 0; i < 3; ++i) driver->Append(3000);
    driver->Commit();
    driver->Background();
    if (segment < 2) driver->Roll();
  }
  return driver;
}

std::unique_ptr<SegmentCheck> Checked(PartitionLog& log, Index index) {
  auto check = log.CheckSegment(index);
  if (!check) return check;
  while (check->Step(1000)) continue;
  return check;
}

TEST(SegmentCheckTest, AWholeLogHasNoDamage) {
  const auto driver = ThreeSegments();
  for (const auto& segment : driver->log().Segments()) {
    const auto check = Checked(driver->log(), segment.first);
    ASSERT_NE(check, nullptr);
    EXPECT_TRUE(check->damage().empty());
    EXPECT_FALSE(check->index_is_bad());
    EXPECT_EQ(check->bytes_checked(), segment.used_bytes);
  }
}

TEST(SegmentCheckTest, DamageIsNamedWithTheHashOfItsEndAndABoundOfItsTerms) {
  const auto driver = ThreeSegments();
  const LogContents whole = ContentsOf(driver->log());
  driver->files().Damage(LogPath(driver->log().Segments()[1]), 6000, std::byte{4});
  const auto check = Checked(driver->log(), Index(5));
  ASSERT_EQ(check->damage().size(), 1u);
  const DamagedRange& range = check->damage().front();
  EXPECT_EQ(range.first, Index(7));
  EXPECT_EQ(range.last, Index(7));
  EXPECT_EQ(range.last_hash, whole.hashes[7]);
  EXPECT_EQ(range.term_max, Term(1));
  EXPECT_EQ(range.end_offset.value(), range.first_offset.value() + 1);
}

TEST(SegmentCheckTest, TheEndOfASegmentIsKnownFromTheLog) {
  const auto driver = ThreeSegments();
  const LogContents whole = ContentsOf(driver->log());
  const auto segment = driver->log().Segments()[0];
  driver->files().Damage(LogPath(segment), segment.used_bytes - 9, std::byte{4});
  const auto check = Checked(driver->log(), Index(1));
  ASSERT_EQ(check->damage().size(), 1u);
  EXPECT_EQ(check->damage().front().last, Index(4));
  EXPECT_EQ(check->damage().front().last_hash, whole.hashes[4]);
}

TEST(SegmentCheckTest, AFileThatIsGoneIsDamageOfAllItsEntries) {
  const auto driver = ThreeSegments();
  ASSERT_TRUE(driver->files().Remove(LogPath(driver->log().Segments()[1])).has_value());
  const auto check = Checked(driver->log(), Index(6));
  ASSERT_EQ(check->damage().size(), 1u);
  EXPECT_EQ(check->damage().front().first, Index(5));
  EXPECT_EQ(check->damage().front().last, Index(8));
}

TEST(SegmentCheckTest, AMissingOrAnotherIndexIsBad) {
  const auto driver = ThreeSegments();
  const auto segments = driver->log().Segments();
  driver->files().Damage(IndexPath(segments[0]), 40, std::byte{1});
  EXPECT_TRUE(Checked(driver->log(), segments[0].first)->index_is_bad());
  ASSERT_TRUE(driver->files().Remove(IndexPath(segments[1])).has_value());
  EXPECT_TRUE(Checked(driver->log(), segments[1].first)->index_is_bad());
  EXPECT_FALSE(Checked(driver->log(), segments[2].first)->index_is_bad());
}

TEST(SegmentCheckTest, WhatACutOverwritesIsNoDamage) {
  LogDriver driver(SmallLog());
  driver.Append(3000);
  driver.Commit();
  driver.Append(3000);
  const auto check = driver.log().CheckSegment(Index(1));
  driver.Cut(Index(2));
  while (check->Step(1u << 20)) continue;
  EXPECT_TRUE(check->damage().empty());
}

// Found by the simulator: what was durable before the cut was missed in what has been cut.
TEST(SegmentCheckTest, ASegmentIsNotCheckedWhileItsCutIsUnderWay) {
  LogDriver driver(SmallLog());
  driver.Append(3000);
  driver.Commit();
  driver.Append(3000);
  driver.log().TruncateAfter(Index(2));
  EXPECT_EQ(driver.log().CheckSegment(Index(1)), nullptr);
  driver.Flush();
  EXPECT_TRUE(Checked(driver.log(), Index(1))->damage().empty());
}

TEST(SegmentCheckTest, ASegmentThatIsTrimmedMeanwhileIsNotDamaged) {
  const auto driver = ThreeSegments();
  const auto check = driver->log().CheckSegment(Index(1));
  driver->Trim(1);
  while (check->Step(1u << 20)) continue;
  EXPECT_TRUE(check->damage().empty());
}

DamagedRange Range(std::uint64_t first, std::uint64_t last, std::uint64_t hash) {
  return {.first = Index(first),
          .last = Index(last),
          .first_offset = Offset(first * 10),
          .end_offset = Offset(last * 10 + 10),
          .last_hash = hash,
          .term_max = Term(hash),
          .what = ""};
}

TEST(DamagedRangesTest, OverlappingRangesBecomeOneThatKnowsItsEnd) {
  std::vector<DamagedRange> ranges;
  AddDamage(&ranges, Range(5, 7, 70));
  AddDamage(&ranges, Range(3, 5, 50));
  AddDamage(&ranges, Range(6, 7, 0));
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].first_offset, Offset(30));
  EXPECT_EQ(ranges[0].last, Index(7));
  EXPECT_EQ(ranges[0].last_hash, 70u);
  AddDamage(&ranges, Range(7, 9, 90));
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].last, Index(9));
  EXPECT_EQ(ranges[0].last_hash, 90u);
  EXPECT_EQ(ranges[0].term_max, Term(90));
}

TEST(DamagedRangesTest, ARangeOfUnknownEndIsJoinedToItsNeighbour) {
  std::vector<DamagedRange> ranges;
  AddDamage(&ranges, Range(8, 9, 90));
  AddDamage(&ranges, Range(3, 4, 40));
  AddDamage(&ranges, Range(5, 7, 0));
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[1].first, Index(5));
  EXPECT_EQ(ranges[1].last_hash, 90u);
}

TEST(DamagedRangesTest, WhatIsWholeAgainGoesFromTheFront) {
  std::vector<DamagedRange> ranges;
  AddDamage(&ranges, Range(3, 6, 60));
  RemoveDamage(&ranges, {Index(3), Index(4), Offset(50)});
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].first, Index(5));
  EXPECT_EQ(ranges[0].first_offset, Offset(50));
  RemoveDamage(&ranges, {Index(5), Index(6), Offset(70)});
  EXPECT_TRUE(ranges.empty());
}

}  // namespace
}  // namespace raftmq
