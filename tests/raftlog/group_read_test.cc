// Fetch, the check of a position, and lookup by time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_world.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;

TEST(GroupRead, AnEmptyLogHasAnEmptySlice) {
  GroupWorld world;
  world.Start();
  const Result<FetchSlice> slice = world.Fetch(0);
  ASSERT_TRUE(slice.has_value());
  EXPECT_TRUE(slice->batches.empty());
  EXPECT_EQ(slice->next_offset, Offset(0));
  EXPECT_EQ(slice->end, Offset(0));
  EXPECT_EQ(slice->term, Term(1));
}

TEST(GroupRead, AnOffsetInsideABatchGetsTheWholeBatch) {
  GroupWorld world;
  world.Start();
  ASSERT_TRUE(world.Produce({"a", "b", "c"}).has_value());
  const Result<FetchSlice> slice = world.Fetch(1);
  ASSERT_EQ(slice->batches.size(), 1u);
  EXPECT_EQ(ParseBatchHeader(slice->batches[0].view())->leader.base_offset, Offset(0));
  EXPECT_EQ(slice->next_offset, Offset(3));
}

TEST(GroupRead, BeyondTheEndIsAnError) {
  GroupWorld world;
  world.Start();
  ASSERT_TRUE(world.Produce({"a"}).has_value());
  EXPECT_EQ(world.Fetch(2).error().code, ErrorCode::kOffsetBeyondEnd);
}

TEST(GroupRead, BytesAreBoundedButForTheFirstBatch) {
  GroupWorld world;
  world.Start();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(world.Produce({std::string(500, 'x')}).has_value());
  EXPECT_EQ(world.Fetch(0, 1)->batches.size(), 1u);
  EXPECT_EQ(world.Fetch(0, 1400)->batches.size(), 2u);
  EXPECT_EQ(world.Fetch(0, 1u << 20)->batches.size(), 4u);
}

TEST(GroupRead, WhatTheCacheHasLostComesFromTheFiles) {
  GroupWorld world(600);
  world.Start();
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(world.Produce({std::to_string(i)}).has_value());
  EXPECT_LE(world.cache().bytes(), 600u);
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("0", "1", "2", "3", "4", "5"));
  EXPECT_GT(world.metrics.fetches_from_map.value(), 0u);
  EXPECT_GT(world.metrics.fetches_from_cache.value(), 0u);
}

TEST(GroupRead, ColdPagesAreReadOnTheWorkQueue) {
  GroupWorld world(0);
  world.Start();
  ASSERT_TRUE(world.Produce({"a"}).has_value());
  world.files.is_cold = true;
  bool answered = false;
  world.group->Fetch(Offset(0), 100, [&](Result<FetchSlice> slice) {
    answered = true;
    EXPECT_EQ(slice->batches.size(), 1u);
  });
  EXPECT_FALSE(answered);
  world.work().RunAll();
  EXPECT_TRUE(answered);
}

TEST(GroupRead, AColdReadOutlivesTheGroupSilently) {
  GroupWorld world(0);
  world.Start();
  ASSERT_TRUE(world.Produce({"a"}).has_value());
  world.files.is_cold = true;
  world.group->Fetch(Offset(0), 100, [&](Result<FetchSlice>) { ADD_FAILURE(); });
  world.group.reset();
  world.work().RunAll();
}

TEST(GroupRead, AFullWorkQueueAnswersOverloaded) {
  GroupWorld world(0);
  world.Start();
  ASSERT_TRUE(world.Produce({"a"}).has_value());
  world.files.is_cold = true;
  int overloaded = 0;
  int served = 0;
  for (int i = 0; i < 70; ++i) {
    world.group->Fetch(Offset(0), 100, [&](Result<FetchSlice> slice) {
      if (slice) {
        ++served;
      } else if (slice.error().code == ErrorCode::kOverloaded) {
        ++overloaded;
      }
    });
  }
  world.work().RunAll();
  EXPECT_EQ(served, 64);
  EXPECT_EQ(overloaded, 6);
}

TEST(GroupRead, DamageIsNamedAndWhatLiesAroundItIsServed) {
  GroupWorld world(0);
  world.Start();
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(world.Produce({std::to_string(i)}).has_value());
  const Index third = world.files.entries[4].header.leader.index;  // Checkpoint, no-op, 0, 1, 2.
  ASSERT_EQ(world.files.entries[4].header.leader.base_offset, Offset(2));
  world.files.damage = {{.first = third,
                         .last = third.Next(),
                         .first_offset = Offset(2),
                         .end_offset = Offset(4),
                         .what = "the payload hash of entry 5"}};
  world.Restart();
  EXPECT_EQ(world.Fetch(0)->next_offset, Offset(2));
  for (const std::uint64_t damaged : {2, 3}) {
    const Result<FetchSlice> slice = world.Fetch(damaged);
    ASSERT_FALSE(slice.has_value());
    EXPECT_EQ(slice.error().code, ErrorCode::kDataCorrupt);
    EXPECT_NE(slice.error().message.find("offsets 2 to 4"), std::string::npos);
  }
  EXPECT_THAT(world.ReadFrom(4), ElementsAre("4", "5"));
  EXPECT_EQ(world.group->damage().size(), 1u);
  EXPECT_TRUE(world.Produce({"more"}).has_value());
}

// Offsets 0 to 2 in one batch of term 1, offset 3 in term 2.
void ProduceInTwoTerms(GroupWorld& world) {
  world.Start();
  ASSERT_TRUE(world.Produce({"a", "b", "c"}).has_value());
  world.Restart();
  ASSERT_TRUE(world.Produce({"d"}).has_value());
}

void ExpectTermsAreCompared(GroupWorld& world) {
  for (const std::uint64_t offset : {1, 2, 3}) {
    EXPECT_TRUE(world.CheckPosition(offset, 1).has_value()) << offset;
    EXPECT_EQ(world.CheckPosition(offset, 2).error().code, ErrorCode::kPositionDiverged) << offset;
  }
  EXPECT_TRUE(world.CheckPosition(4, 2).has_value());
  EXPECT_EQ(world.CheckPosition(4, 1).error().code, ErrorCode::kPositionDiverged);
  EXPECT_EQ(world.CheckPosition(3, 7).error().message,
            "expected term 7 in the batch before offset 3, found term 1 in that of offsets 0 to 3");
}

TEST(GroupPosition, IsServedWithItsTermAndRefusedWithAnother) {
  GroupWorld world;
  ProduceInTwoTerms(world);
  ExpectTermsAreCompared(world);
}

TEST(GroupPosition, IsComparedWithTheFilesWhereTheCacheHasLostIt) {
  GroupWorld world(0);
  ProduceInTwoTerms(world);
  ExpectTermsAreCompared(world);
  EXPECT_GT(world.metrics.fetches_from_map.value(), 0u);
}

TEST(GroupPosition, ColdPagesAreReadOnTheWorkQueue) {
  GroupWorld world(0);
  ProduceInTwoTerms(world);
  world.files.is_cold = true;
  bool refused = false;
  world.group->CheckPosition(Offset(3), Term(2),
                             [&](const Status& position) { refused = !position; });
  EXPECT_FALSE(refused);
  world.work().RunAll();
  EXPECT_TRUE(refused);
}

TEST(GroupPosition, WithoutATermOrAtTheLogStartNothingIsCompared) {
  GroupWorld world;
  ProduceInTwoTerms(world);
  EXPECT_TRUE(world.CheckPosition(3, 0).has_value());
  EXPECT_TRUE(world.CheckPosition(0, 9).has_value());
  ASSERT_TRUE(world.Trim(3).has_value());
  EXPECT_TRUE(world.CheckPosition(3, 9).has_value());
}

TEST(GroupPosition, BeyondTheEndAnEarlierTermIsOfAnotherLog) {
  GroupWorld world;
  ProduceInTwoTerms(world);
  EXPECT_EQ(world.CheckPosition(9, 1).error().message,
            "expected term 1 in the batch before offset 9, found term 2 already before the end 4");
  // A later one may only not be here yet.
  EXPECT_TRUE(world.CheckPosition(9, 2).has_value());
  EXPECT_TRUE(world.CheckPosition(9, 3).has_value());
}

TEST(GroupPosition, DamageBeforeItIsNoReasonToRefuse) {
  GroupWorld world(0);
  world.Start();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(world.Produce({std::to_string(i)}).has_value());
  const BatchHeader& second = world.files.entries[3].header;
  ASSERT_EQ(second.leader.base_offset, Offset(1));
  world.files.damage = {{.first = second.leader.index,
                         .last = second.leader.index,
                         .first_offset = Offset(1),
                         .end_offset = Offset(2),
                         .what = "the payload hash of entry 4"}};
  world.Restart();
  EXPECT_TRUE(world.CheckPosition(2, 9).has_value());
}

TEST(GroupFindOffset, FindsTheFirstRecordOfAnyCodec) {
  GroupWorld world;
  world.Start();
  const std::string text(600, 'x');
  ASSERT_TRUE(world.Produce({"a", "b"}, 100).has_value());
  ASSERT_TRUE(world.Produce({text, text, text}, 200, Codec::kZstd).has_value());
  ASSERT_TRUE(world.Produce({"f"}, 300).has_value());
  EXPECT_EQ(world.Find(0)->offset, Offset(0));
  EXPECT_EQ(world.Find(101)->offset, Offset(1));
  EXPECT_EQ(world.Find(102)->offset, Offset(2));
  EXPECT_EQ(world.Find(201)->offset, Offset(3));
  EXPECT_EQ(world.Find(201)->timestamp_ms, 201);
  EXPECT_EQ(world.Find(300)->offset, Offset(5));
  EXPECT_EQ(world.Find(301)->offset, Offset(6));
  EXPECT_EQ(world.Find(301)->timestamp_ms, -1);
}

TEST(GroupFindOffset, NeverAnswersBelowTheLogStart) {
  GroupWorld world;
  world.Start();
  ASSERT_TRUE(world.Produce({"a", "b"}, 500).has_value());  // 500, 501.
  ASSERT_TRUE(world.Produce({"c"}, 100).has_value());
  ASSERT_TRUE(world.Produce({"d"}, 600).has_value());
  ASSERT_TRUE(world.Trim(1).has_value());
  EXPECT_EQ(world.Find(500)->offset, Offset(1));
  ASSERT_TRUE(world.Trim(2).has_value());
  EXPECT_EQ(world.Find(100)->offset, Offset(2));
  EXPECT_EQ(world.Find(500)->offset, Offset(3));
}

TEST(GroupFindOffset, ACompressedBatchIsOpenedUnderTheBound) {
  GroupWorld world;
  world.options.records_bytes_max = 1000;
  world.Start();
  ASSERT_TRUE(world.Produce({std::string(5000, 'x')}, 100, Codec::kZstd).has_value());
  EXPECT_EQ(world.Find(50).error().code, ErrorCode::kBadBatch);
}

}  // namespace
}  // namespace raftmq
