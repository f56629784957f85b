// Trim and retention: the log start moves by an entry, files go after it.
#include <gtest/gtest.h>

#include "tests/raftlog/group_world.h"

namespace raftmq {
namespace {

// Enough batches of one record for several segments; the record's timestamp is its offset.
void Fill(GroupWorld* world, int batches) {
  for (int i = 0; i < batches; ++i) {
    ASSERT_TRUE(world
                    ->Produce({std::string(500, 'x')},
                              static_cast<std::int64_t>(world->group->status().end.value()))
                    .has_value());
  }
}

TEST(GroupLogStart, TrimHidesRecordsAndSurvivesARestart) {
  GroupWorld world;
  world.Start();
  Fill(&world, 3);
  ASSERT_TRUE(world.Trim(2).has_value());
  EXPECT_EQ(world.group->status().log_start, Offset(2));
  EXPECT_EQ(world.Fetch(1).error().code, ErrorCode::kOffsetBelowStart);
  EXPECT_TRUE(world.Fetch(2).has_value());
  world.Restart();
  EXPECT_EQ(world.group->status().log_start, Offset(2));
  EXPECT_EQ(world.Fetch(1).error().code, ErrorCode::kOffsetBelowStart);
}

TEST(GroupLogStart, TrimDeletesWholeSegments) {
  GroupWorld world;
  world.Start();
  Fill(&world, 20);
  ASSERT_EQ(world.files.first, Index(1));
  ASSERT_TRUE(world.Trim(12).has_value());
  EXPECT_GT(world.files.first, Index(1));
  EXPECT_LE(world.files.entries.front().header.leader.base_offset, Offset(12));
  EXPECT_EQ(world.ReadFrom(12).size(), 8u);
  world.Restart();
  EXPECT_EQ(world.group->status().log_start, Offset(12));
  EXPECT_EQ(world.ReadFrom(12).size(), 8u);
}

// The others have committed the entry that moved the log start; a crash took it from this replica,
// whose files went in time. What was in them is not skipped silently.
TEST(GroupLogStart, WhatWasInDeletedFilesIsBelowItThoughItsEntryIsLost) {
  GroupWorld world;
  world.Start();
  Fill(&world, 20);
  const std::size_t before = world.files.entries.size();
  const Index last = world.group->status().last;
  ASSERT_TRUE(world.Trim(12).has_value());
  world.Crash();
  ASSERT_LT(world.files.entries.size(), before);
  while (world.files.entries.back().header.leader.index > last) world.files.entries.pop_back();
  const Offset first = world.files.entries.front().header.leader.base_offset;
  ASSERT_GT(first, Offset(0));
  world.Open();
  EXPECT_EQ(world.group->status().log_start, first);
  EXPECT_EQ(world.Fetch(first.value() - 1).error().code, ErrorCode::kOffsetBelowStart);
}

TEST(GroupLogStart, TrimBackwardsOrTwiceChangesNothing) {
  GroupWorld world;
  world.Start();
  Fill(&world, 3);
  ASSERT_TRUE(world.Trim(2).has_value());
  const Index last = world.group->status().last;
  EXPECT_EQ(*world.Trim(1), Offset(2));
  EXPECT_EQ(*world.Trim(2), Offset(2));
  EXPECT_EQ(world.group->status().last, last);
}

TEST(GroupLogStart, TrimBeyondTheEndIsRefused) {
  GroupWorld world;
  world.Start();
  Fill(&world, 3);
  EXPECT_TRUE(world.Trim(3).has_value());
  EXPECT_EQ(world.Trim(4).error().code, ErrorCode::kOffsetBeyondEnd);
  EXPECT_TRUE(world.Fetch(3)->batches.empty());
  EXPECT_EQ(world.Produce({"next"})->base_offset, Offset(3));
}

TEST(GroupLogStart, IsHiddenOnlyOnceCommitted) {
  GroupWorld world;
  world.Start();
  Fill(&world, 3);
  world.group->Trim(Offset(2), [](Result<Offset>) {});
  EXPECT_EQ(world.group->status().log_start, Offset(0));
  world.Settle();
  EXPECT_EQ(world.group->status().log_start, Offset(2));
}

TEST(GroupLogStart, RetentionByBytesKeepsTheLogNearItsBound) {
  GroupWorld world;
  world.options.retention_bytes = 8000;
  world.Start();
  for (int i = 0; i < 40; ++i) {
    Fill(&world, 1);
    world.clock.Advance(Milliseconds(1000));
    world.group->Tick();
    world.Settle();
    EXPECT_LE(world.group->status().size_bytes, 8000u + 2 * 4096u);
  }
  EXPECT_GT(world.group->status().log_start, Offset(0));
  const std::uint64_t start = world.group->status().log_start.value();
  EXPECT_EQ(world.ReadFrom(start).size(), 40 - start);
}

TEST(GroupLogStart, RetentionByAgeLetsOneSegmentGoPerSecond) {
  GroupWorld world;
  world.options.retention_ms = 1000;
  world.Start();
  Fill(&world, 20);  // Timestamps long ago.
  Offset before = world.group->status().log_start;
  int passes = 0;
  while (world.group->status().log_start < Offset(20)) {
    world.clock.Advance(Milliseconds(1000));
    world.group->Tick();
    world.Settle();
    world.group->Tick();  // Within the same second: nothing more.
    world.Settle();
    EXPECT_GT(world.group->status().log_start, before);
    before = world.group->status().log_start;
    ASSERT_LT(++passes, 20);
  }
  EXPECT_GT(passes, 2);
  EXPECT_EQ(world.group->status().end, Offset(20));
}

TEST(GroupLogStart, AnIdleLogLetsItsLastOldFileGo) {
  GroupWorld world;
  world.files.segment_bytes = 1u << 20;
  world.options.batch_bytes_max = 32u << 10;
  world.options.retention_ms = 1000;
  world.Start();
  ASSERT_TRUE(world.Produce({std::string(30000, 'x')}).has_value());
  ASSERT_TRUE(world.Produce({std::string(30000, 'x')}).has_value());
  for (int i = 0; i < 10; ++i) {
    world.clock.Advance(Milliseconds(1000));
    world.group->Tick();
    world.Settle();
  }
  EXPECT_GT(world.files.first, Index(1));
  EXPECT_LT(world.group->status().size_bytes, 2000u);
  const Index last = world.group->status().last;
  world.clock.Advance(Milliseconds(1000));
  world.group->Tick();
  world.Settle();
  EXPECT_EQ(world.group->status().last, last);  // And is quiet then.
  world.Restart();
  EXPECT_EQ(world.group->status().log_start, Offset(2));
}

}  // namespace
}  // namespace raftmq
