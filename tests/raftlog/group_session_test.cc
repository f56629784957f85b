// Sessions of producers in a group of one: each batch gets into the log once, and is answered with
// the same offset however often it is sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_world.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kDayMs = 86'400'000;

void Fill(GroupWorld* world, int batches) {
  for (int i = 0; i < batches; ++i)
    ASSERT_TRUE(world->Produce({std::string(500, 'x')}).has_value());
}

TEST(GroupSession, ADuplicateOfACommittedBatchIsAnsweredAtOnceWithItsOffset) {
  GroupWorld world;
  world.Start();
  const Result<Proposed> first = world.ProduceNumbered(0, "a");
  ASSERT_TRUE(first.has_value()) << first.error().ToString();
  EXPECT_FALSE(first->is_duplicate);
  ASSERT_TRUE(world.ProduceNumbered(1, "b").has_value());
  world.clock.Advance(Milliseconds(50));
  const auto again = world.Send(GroupWorld::Numbered(0, "a"));
  ASSERT_TRUE(again->has_value());
  EXPECT_EQ((*again)->value().base_offset, first->base_offset);
  EXPECT_EQ((*again)->value().append_time_ms, first->append_time_ms);
  EXPECT_TRUE((*again)->value().is_duplicate);
  EXPECT_EQ(world.metrics.duplicates.value(), 1u);
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a", "b"));
}

TEST(GroupSession, ADuplicateOfABatchUnderWayJoinsItsOutcome) {
  GroupWorld world;
  world.Start();
  const auto first = world.Send(GroupWorld::Numbered(0, "a"));
  const auto next = world.Send(GroupWorld::Numbered(1, "b"));
  const auto again = world.Send(GroupWorld::Numbered(0, "a"));
  EXPECT_FALSE(again->has_value());
  world.Settle();
  ASSERT_TRUE(first->has_value());
  ASSERT_TRUE(next->has_value());
  ASSERT_TRUE(again->has_value());
  EXPECT_EQ((*again)->value().base_offset, (*first)->value().base_offset);
  EXPECT_EQ((*again)->value().index, (*first)->value().index);
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a", "b"));
}

TEST(GroupSession, AJoinedAnswerComesInItsPlace) {
  GroupWorld world;
  world.Start();
  std::vector<std::string> answered;
  const auto send = [&](ByteBuffer batch, const char* name) {
    const std::size_t bytes = batch.size();
    world.group->Propose(std::move(batch), 0, bytes,
                         [&answered, name](const Result<Proposed>&) { answered.push_back(name); });
  };
  send(GroupWorld::Numbered(0, "a"), "first");
  send(GroupWorld::Batch({"other"}), "other");
  send(GroupWorld::Numbered(0, "a"), "first again");
  world.Settle();
  EXPECT_THAT(answered, ElementsAre("first", "first again", "other"));
}

TEST(GroupSession, HeldBatchesAreJudgedWhenTheirTurnComes) {
  GroupWorld world;
  world.Start();
  Fill(&world, 4);
  world.files.is_prepared = false;
  const auto filler = world.Send(GroupWorld::Batch({std::string(1'500, 'x')}));
  const auto first = world.Send(GroupWorld::Numbered(0, "a"));
  const auto again = world.Send(GroupWorld::Numbered(0, "a"));
  const auto next = world.Send(GroupWorld::Numbered(1, "b"));
  const auto gap = world.Send(GroupWorld::Numbered(3, "d"));
  world.Settle();
  EXPECT_FALSE(gap->has_value());
  world.files.is_prepared = true;
  world.group->Tick();
  world.Settle();
  ASSERT_TRUE(filler->has_value());
  EXPECT_EQ((*again)->value().base_offset, (*first)->value().base_offset);
  EXPECT_EQ((*next)->value().base_offset, (*first)->value().base_offset.Next());
  EXPECT_EQ((*gap)->error().code, ErrorCode::kSequenceGap);
}

TEST(GroupSession, WhatDoesNotContinueItsSessionIsRefusedByNameWithoutEffect) {
  GroupWorld world;
  world.Start();
  EXPECT_EQ(world.ProduceNumbered(1, "?").error().code, ErrorCode::kUnknownSession);
  for (std::uint32_t i = 0; i < 6; ++i)
    ASSERT_TRUE(world.ProduceNumbered(i, std::to_string(i), 2).has_value());
  const Index last = world.group->status().last;
  EXPECT_EQ(world.ProduceNumbered(7, "?", 2).error().code, ErrorCode::kSequenceGap);
  EXPECT_EQ(world.ProduceNumbered(6, "?", 1).error().code, ErrorCode::kFenced);
  EXPECT_EQ(world.ProduceNumbered(0, "0", 2).error().code, ErrorCode::kDuplicateOffsetUnknown);
  const auto overlap = world.Send(GroupWorld::SessionBatch(
      {.session = SessionId(9), .session_epoch = 2, .base_sequence = 5}, {"5", "6"}));
  EXPECT_EQ((*overlap)->error().code, ErrorCode::kSequenceOverlap);
  EXPECT_EQ(world.group->status().last, last);
  EXPECT_EQ(world.metrics.refused_unknown_session.value(), 1u);
  EXPECT_EQ(world.metrics.refused_sequence_gap.value(), 1u);
  EXPECT_EQ(world.metrics.refused_fenced.value(), 1u);
  EXPECT_EQ(world.metrics.refused_duplicate_unknown.value(), 1u);
  EXPECT_EQ(world.metrics.refused_sequence_overlap.value(), 1u);
}

// Whoever sends more at once than is remembered is not told that something is stored which may
// still be lost.
TEST(GroupSession, WhatIsForgottenButUnderWayIsNotCalledStored) {
  GroupWorld world;
  world.Start();
  for (std::uint32_t i = 0; i < 7; ++i) world.Send(GroupWorld::Numbered(i, "x"));
  const auto again = world.Send(GroupWorld::Numbered(0, "x"));
  EXPECT_EQ((*again)->error().code, ErrorCode::kOverloaded);
  world.Settle();
  EXPECT_EQ(world.ProduceNumbered(0, "x").error().code, ErrorCode::kDuplicateOffsetUnknown);
}

TEST(GroupSession, ADuplicateInMemoryIsAnsweredAtOnce) {
  GroupWorld world;
  world.Start();
  int answers = 0;
  for (int i = 0; i < 2; ++i) {
    ByteBuffer batch = GroupWorld::Numbered(0, "a");
    const std::size_t bytes = batch.size();
    const auto answered = [&](Result<Proposed> proposed) {
      EXPECT_EQ(proposed->base_offset, Offset(0));
      EXPECT_EQ(proposed->is_duplicate, answers == 1);
      ++answers;
    };
    world.group->Propose(std::move(batch), 0, bytes, {.in_memory = true}, answered);
  }
  EXPECT_EQ(answers, 2);
}

// What it expected was true when it was stored first.
TEST(GroupSession, ARetriedConditionalAppendIsAnsweredAsTheFirstTime) {
  GroupWorld world;
  world.Start();
  for (const bool is_retry : {false, true}) {
    ByteBuffer batch = GroupWorld::Numbered(0, "a");
    const std::size_t bytes = batch.size();
    std::optional<Result<Proposed>> answer;
    world.group->Propose(std::move(batch), 0, bytes, {.base_offset = Offset(0)},
                         [&](Result<Proposed> proposed) { answer = std::move(proposed); });
    world.Settle();
    ASSERT_TRUE(answer.has_value() && answer->has_value());
    EXPECT_EQ((*answer)->base_offset, Offset(0));
    EXPECT_EQ((*answer)->is_duplicate, is_retry);
  }
}

TEST(GroupSession, ARestartKnowsTheSessions) {
  GroupWorld world;
  world.Start();
  ASSERT_TRUE(world.ProduceNumbered(0, "a").has_value());
  world.Restart();
  EXPECT_TRUE(world.ProduceNumbered(0, "a")->is_duplicate);
  EXPECT_FALSE(world.ProduceNumbered(1, "b")->is_duplicate);
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a", "b"));
}

TEST(GroupSession, ARestartFromACheckpointKnowsTheSessions) {
  GroupWorld world;
  world.Start();
  ASSERT_TRUE(world.ProduceNumbered(0, "a").has_value());
  ASSERT_TRUE(world.OpenSession(12, 3).has_value());
  Fill(&world, 20);
  ASSERT_TRUE(world.Trim(18).has_value());
  ASSERT_GT(world.files.first, Index(1));
  for (int i = 0; i < 3; ++i) world.Restart();
  // The original is no longer in the log.
  const Result<Proposed> again = world.ProduceNumbered(0, "a");
  ASSERT_TRUE(again.has_value()) << again.error().ToString();
  EXPECT_EQ(again->base_offset, Offset(0));
  EXPECT_TRUE(again->is_duplicate);
  EXPECT_EQ(world.OpenSession(12, 2).error().code, ErrorCode::kFenced);
  EXPECT_EQ(world.metrics.sessions.value(), 2u);
}

TEST(GroupSession, OpeningFencesThePredecessorAndTellsTheNextSequence) {
  GroupWorld world;
  world.Start();
  EXPECT_EQ(world.OpenSession(9, 1)->next_sequence, 0u);
  ASSERT_TRUE(world.ProduceNumbered(0, "a", 1).has_value());
  const auto under_way = world.Send(GroupWorld::Numbered(1, "b", 1));
  const auto opened = world.SendOpening(9, 2);
  const auto late = world.Send(GroupWorld::Numbered(2, "c", 1));
  EXPECT_FALSE(opened->has_value());
  world.Settle();
  EXPECT_TRUE((*under_way)->has_value());
  EXPECT_EQ((*late)->error().code, ErrorCode::kFenced);
  EXPECT_EQ((*opened)->value().epoch, 2u);
  EXPECT_EQ((*opened)->value().next_sequence, 2u);
  EXPECT_TRUE(world.ProduceNumbered(2, "d", 2).has_value());
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a", "b", "d"));
}

TEST(GroupSession, OpeningAgainWritesNothingAndWaitsForAllBefore) {
  GroupWorld world;
  world.Start();
  ASSERT_TRUE(world.OpenSession(9, 1).has_value());
  const Index last = world.group->status().last;
  EXPECT_TRUE((*world.SendOpening(9, 1))->has_value());
  EXPECT_EQ(world.group->status().last, last);
  world.Send(GroupWorld::Numbered(0, "a"));
  const auto again = world.SendOpening(9, 1);
  EXPECT_FALSE(again->has_value());
  world.Settle();
  EXPECT_EQ((*again)->value().next_sequence, 1u);
}

TEST(GroupSession, SessionsExpireByLogTimeAndAreNotStoredAgain) {
  GroupWorld world;
  world.options.session_expiry_ms = 7 * kDayMs;
  world.Start();
  ASSERT_TRUE(world.ProduceNumbered(0, "a").has_value());
  const Index last = world.group->status().last;
  world.clock.Advance(Milliseconds(8 * kDayMs));
  world.group->Tick();
  world.Settle();
  EXPECT_EQ(world.group->status().last, last);  // Nobody has written since: no time has passed.
  ASSERT_TRUE(world.Produce({"later"}).has_value());
  world.clock.Advance(Milliseconds(1'000));
  world.group->Tick();
  world.Settle();
  EXPECT_EQ(world.metrics.sessions.value(), 0u);
  EXPECT_EQ(world.metrics.sessions_expired.value(), 1u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(world.ProduceNumbered(0, "a").error().code, ErrorCode::kUnknownSession);
    world.Restart();
  }
  EXPECT_TRUE(world.OpenSession(9, 6)->may_be_forgotten);  // Its producer's name comes back.
  EXPECT_TRUE(world.OpenSession(10, 1).has_value());
}

ByteBuffer FirstOf(std::uint64_t session) {
  return GroupWorld::SessionBatch({.session = SessionId(session)}, {"x"});
}

TEST(GroupSession, AFullTableMakesPlaceByTheOldestAndRefusesWhileAllAreYoung) {
  GroupWorld world;
  world.options.sessions_max = 4;
  world.options.session_min_age_ms = 120'000;
  world.Start();
  for (std::uint64_t id = 1; id <= 4; ++id) {
    world.Send(FirstOf(id));
    world.Settle();
    world.clock.Advance(Milliseconds(10'000));
  }
  const auto refused = world.Send(FirstOf(5));
  EXPECT_EQ((*refused)->error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(world.OpenSession(5, 1).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(world.metrics.refused_sessions_full.value(), 2u);
  world.clock.Advance(Milliseconds(85'000));  // The first one is old now.
  const auto taken = world.Send(FirstOf(5));
  world.Settle();
  EXPECT_TRUE((*taken)->has_value());
  EXPECT_EQ(world.metrics.sessions.value(), 4u);
  EXPECT_EQ((*world.Send(FirstOf(1)))->error().code, ErrorCode::kUnknownSession);
  EXPECT_TRUE((*world.Send(FirstOf(2)))->value().is_duplicate);
}

TEST(GroupSession, OpeningLeavesTheControlReserveAlone) {
  GroupWorld world;
  world.Start();
  world.files.is_full = true;
  std::uint64_t session = 1;
  while (world.OpenSession(session, 1).has_value()) ++session;
  EXPECT_EQ(world.OpenSession(session, 1).error().code, ErrorCode::kDiskFull);
  EXPECT_TRUE((*world.SendOpening(1, 1))->has_value());  // Needs no space.
  EXPECT_TRUE(world.Trim(0).has_value());
}

}  // namespace
}  // namespace raftmq
