// Messages with an id of their own in a group of one: within the window each is stored once,
// whoever sends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_world.h"
#include "tests/raftlog/message_id_batches.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kWindowMs = 10'000;

Result<Proposed> Produce(GroupWorld* world, ByteBuffer batch) {
  const auto answer = world->Send(std::move(batch));
  world->Settle();
  EXPECT_TRUE(answer->has_value()) << "no answer";
  return std::move(**answer);
}

class GroupMessageId : public ::testing::Test {
 protected:
  GroupMessageId() {
    world_.options.message_id_window_ms = kWindowMs;
    world_.Start();
  }
  GroupWorld world_;
};

TEST_F(GroupMessageId, ARepeatedIdIsAnsweredWithTheOffsetOfTheFirst) {
  const Result<Proposed> first = Produce(&world_, WithId("order-1", "a"));
  ASSERT_TRUE(first.has_value()) << first.error().ToString();
  EXPECT_FALSE(first->is_duplicate);
  world_.clock.Advance(Milliseconds(50));
  const Result<Proposed> again = Produce(&world_, WithId("order-1", "another attempt"));
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->is_duplicate);
  EXPECT_EQ(again->base_offset, first->base_offset);
  EXPECT_EQ(again->append_time_ms, first->append_time_ms);
  EXPECT_FALSE(Produce(&world_, WithId("order-2", "b"))->is_duplicate);
  EXPECT_THAT(world_.ReadFrom(0), ElementsAre("a", "b"));
}

TEST_F(GroupMessageId, AnIdUnderWayIsNotAnsweredBeforeItsFirstIsCommitted) {
  const auto first = world_.Send(WithId("x", "a"));
  const auto again = world_.Send(WithId("x", "a"));
  EXPECT_FALSE(again->has_value());
  world_.Settle();
  ASSERT_TRUE(again->has_value());
  EXPECT_EQ((*again)->value().base_offset, (*first)->value().base_offset);
  EXPECT_THAT(world_.ReadFrom(0), ElementsAre("a"));
}

TEST_F(GroupMessageId, ASessionGoesOnBehindARepeatedId) {
  ASSERT_TRUE(Produce(&world_, WithId("x", "a")).has_value());
  ASSERT_TRUE(world_.ProduceNumbered(0, "b").has_value());
  const Result<Proposed> again = Produce(&world_, WithId("x", "a", At(1)));
  EXPECT_TRUE(again->is_duplicate);
  EXPECT_EQ(again->base_offset, Offset(0));
  // Its retry is a duplicate of the session's, and the next batch continues it.
  const Result<Proposed> retry = Produce(&world_, WithId("x", "a", At(1)));
  EXPECT_TRUE(retry->is_duplicate);
  EXPECT_EQ(retry->base_offset, Offset(0));
  EXPECT_FALSE(world_.ProduceNumbered(2, "c")->is_duplicate);
  EXPECT_THAT(world_.ReadFrom(0), ElementsAre("a", "b", "c"));
}

TEST_F(GroupMessageId, ASessionMayBeginWithARepeatedId) {
  ASSERT_TRUE(Produce(&world_, WithId("x", "a")).has_value());
  EXPECT_TRUE(Produce(&world_, WithId("x", "a", At(0)))->is_duplicate);
  EXPECT_FALSE(world_.ProduceNumbered(1, "b")->is_duplicate);
  EXPECT_THAT(world_.ReadFrom(0), ElementsAre("a", "b"));
}

// What the entry says counts once it is committed, like any other.
TEST_F(GroupMessageId, TheAnswerOfASessionWaitsForItsOwnEntry) {
  ASSERT_TRUE(Produce(&world_, WithId("x", "a")).has_value());
  const auto repeated = world_.Send(WithId("x", "a", At(0)));
  const auto retry = world_.Send(WithId("x", "a", At(0)));
  EXPECT_FALSE(repeated->has_value());
  EXPECT_FALSE(retry->has_value());
  world_.Settle();
  EXPECT_EQ((*repeated)->value().base_offset, Offset(0));
  EXPECT_EQ((*retry)->value().base_offset, Offset(0));
}

TEST_F(GroupMessageId, BehindTheWindowTheIdIsNewAgain) {
  ASSERT_TRUE(Produce(&world_, WithId("x", "a")).has_value());
  world_.clock.Advance(Milliseconds(kWindowMs));
  EXPECT_TRUE(Produce(&world_, WithId("x", "b"))->is_duplicate);
  world_.clock.Advance(Milliseconds(1));
  EXPECT_FALSE(Produce(&world_, WithId("x", "c"))->is_duplicate);
  EXPECT_TRUE(Produce(&world_, WithId("x", "d"))->is_duplicate);
  EXPECT_THAT(world_.ReadFrom(0), ElementsAre("a", "c"));
}

TEST_F(GroupMessageId, ARestartKnowsTheIds) {
  ASSERT_TRUE(Produce(&world_, WithId("x", "a")).has_value());
  world_.Restart();
  EXPECT_TRUE(Produce(&world_, WithId("x", "b"))->is_duplicate);
  EXPECT_EQ(world_.metrics.message_ids.value(), 1u);
}

// Of a log whose first segment is gone, too.
TEST_F(GroupMessageId, ARepeatedIdIsKnownWhenItsFirstWasDeleted) {
  ASSERT_TRUE(Produce(&world_, WithId("x", "a")).has_value());
  const Index first_index = world_.group->status().last;
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(world_.Produce({std::string(500, 'x')}).has_value());
  ASSERT_TRUE(world_.Trim(30).has_value());
  ASSERT_TRUE(world_.Produce({"more"}).has_value());
  world_.group->Tick();
  world_.Settle();
  EXPECT_GT(world_.files.first, first_index);
  world_.Restart();
  const Result<Proposed> again = Produce(&world_, WithId("x", "b"));
  EXPECT_TRUE(again->is_duplicate);
  EXPECT_EQ(again->base_offset, Offset(0));
}

TEST_F(GroupMessageId, OldIdsAreDroppedByAnEntry) {
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(Produce(&world_, WithId(std::to_string(i), "x")).has_value());
  world_.clock.Advance(Milliseconds(2 * kWindowMs));
  ASSERT_TRUE(Produce(&world_, WithId("last", "x")).has_value());
  world_.group->Tick();
  world_.Settle();
  EXPECT_EQ(world_.metrics.message_ids.value(), 1u);
}

TEST_F(GroupMessageId, AFullTableTakesNoMoreUntilTheWindowHasPassed) {
  world_.options.message_ids_max = 3;
  world_.Restart();
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(Produce(&world_, WithId(std::to_string(i), "x")).has_value());
  const Result<Proposed> refused = Produce(&world_, WithId("3", "x"));
  EXPECT_EQ(refused.error().code, ErrorCode::kLimitExceeded);
  EXPECT_TRUE(refused.error().definite());
  EXPECT_EQ(world_.metrics.refused_message_ids_full.value(), 1u);
  EXPECT_TRUE(Produce(&world_, WithId("2", "x"))->is_duplicate);
  ASSERT_TRUE(world_.Produce({"without an id"}).has_value());
  world_.clock.Advance(Milliseconds(kWindowMs + 1));
  EXPECT_FALSE(Produce(&world_, WithId("3", "x"))->is_duplicate);
  EXPECT_EQ(world_.metrics.message_ids.value(), 1u);
}

TEST_F(GroupMessageId, ARepeatedIdCountsAsADuplicateWithASessionAndWithout) {
  ASSERT_TRUE(Produce(&world_, WithId("x", "a")).has_value());
  ASSERT_TRUE(Produce(&world_, WithId("x", "a")).has_value());
  EXPECT_EQ(world_.metrics.duplicates.value(), 1u);
  ASSERT_TRUE(Produce(&world_, WithId("x", "a", At(0))).has_value());
  EXPECT_EQ(world_.metrics.duplicates.value(), 2u);
}

// Whose first record with an id is stored elsewhere: only that it was stored is said.
TEST_F(GroupMessageId, WhatIsForgottenBehindRepeatedIdsIsNotGivenTheirOffset) {
  ASSERT_TRUE(Produce(&world_, WithId("x", "a")).has_value());
  for (std::uint32_t i = 0; i < 6; ++i)
    ASSERT_TRUE(Produce(&world_, WithId("x", "a", At(i))).has_value());
  const Result<Proposed> forgotten = Produce(&world_, WithId("y", "b", At(0)));
  EXPECT_EQ(forgotten.error().code, ErrorCode::kDuplicateOffsetUnknown);
  EXPECT_THAT(forgotten.error().message, ::testing::Not(::testing::HasSubstr("before offset")));
}

TEST(GroupWithoutMessageIds, AnIdIsRefusedByNameWithoutEffect) {
  GroupWorld world;
  world.Start();
  const Index last = world.group->status().last;
  const Result<Proposed> refused = Produce(&world, WithId("x", "a"));
  EXPECT_EQ(refused.error().code, ErrorCode::kBadRequest);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("message.id.window"));
  EXPECT_EQ(world.group->status().last, last);
}

}  // namespace
}  // namespace raftmq
