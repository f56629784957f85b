// What is acked is there after a crash at any step; what is not may be there or not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/raftlog/group_world.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;

TEST(GroupCrash, AckedIsThereAndReadableBeforeTheElection) {
  GroupWorld world;
  world.Start();
  ASSERT_TRUE(world.Produce({"a"}).has_value());
  ASSERT_TRUE(world.Produce({"b"}).has_value());
  world.Crash();
  world.Open();
  // The last frame says that the one before it was committed; more is known after the election.
  EXPECT_EQ(world.group->status().end, Offset(1));
  EXPECT_EQ(world.Fetch(2).error().code, ErrorCode::kNotYet);  // A consumer was told this end.
  EXPECT_EQ(world.Find(1).error().code, ErrorCode::kNotYet);
  world.group->Tick();
  world.Settle();
  EXPECT_TRUE(world.Fetch(2).has_value());
  EXPECT_EQ(world.Fetch(3).error().code, ErrorCode::kOffsetBeyondEnd);
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a", "b"));
  EXPECT_EQ(world.group->status().term, Term(2));
}

TEST(GroupCrash, BeforeTheSyncLosesWhatWasNotAcked) {
  GroupWorld world;
  world.Start();
  ASSERT_TRUE(world.Produce({"a"}).has_value());
  const auto answer = world.Send(GroupWorld::Batch({"b"}));
  world.group->TurnEnd();
  world.disk().WriteAll();
  world.Restart();
  EXPECT_FALSE(answer->has_value());
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a"));
  ASSERT_TRUE(world.Produce({"c"}).has_value());
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a", "c"));
}

TEST(GroupCrash, AfterTheSyncKeepsWhatWasNotYetAcked) {
  GroupWorld world;
  world.Start();
  const auto answer = world.Send(GroupWorld::Batch({"a"}));
  world.group->TurnEnd();
  world.disk().WriteAll();
  world.disk().SyncAll();
  world.Restart();
  EXPECT_FALSE(answer->has_value());
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a"));
}

TEST(GroupCrash, EachElectionHasATermOfItsOwnEvenIfCutShort) {
  GroupWorld world;
  Term last;
  for (int i = 0; i < 6; ++i) {
    world.Open();
    world.group->Tick();
    world.group->TurnEnd();
    world.disk().WriteAll();
    if (i % 2 == 0) world.disk().SyncAll();  // Else the vote is lost and may be given again.
    const Term term = world.group->status().term;
    EXPECT_GT(term, last);
    if (i % 2 == 0) {
      EXPECT_EQ(world.files.hard_state.term, term);
      last = term;
    }
    world.Crash();
  }
}

// Random steps with crashes in between; the acked records are a prefix-closed part of the log.
TEST(GroupCrash, RandomRunsLoseNothingThatWasAcked) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    GroupWorld world(random() % 2 == 0 ? 1u << 20 : 512);
    world.files.is_cold = random() % 2 == 0;
    world.Start();
    std::map<std::uint64_t, std::string> acked;
    int sent = 0;
    for (int step = 0; step < 60; ++step) {
      switch (random() % 8) {
        case 0:
        case 1:
        case 2: {
          ByteBuffer batch =
              GroupWorld::Batch({"v" + std::to_string(sent), std::string(random() % 300, 'x')});
          const std::string value = "v" + std::to_string(sent++);
          const std::size_t bytes = batch.size();
          world.group->Propose(std::move(batch), 0, bytes,
                               [&acked, value](Result<Proposed> proposed) {
                                 if (proposed) acked[proposed->base_offset.value()] = value;
                               });
          break;
        }
        case 3:
          world.group->TurnEnd();
          break;
        case 4:
          world.disk().WriteAll();
          world.disk().SyncAll();
          break;
        case 5:
          world.disk().CompleteAll();
          break;
        case 6:
          world.group->Tick();
          break;
        case 7:
          if (random() % 3 == 0) world.Restart();
          break;
      }
    }
    world.Restart();
    const std::vector<std::string> values = world.ReadFrom(0);
    for (const auto& [offset, value] : acked) {
      ASSERT_LT(offset, values.size());
      EXPECT_EQ(values[offset], value);
    }
  }
}

}  // namespace
}  // namespace raftmq
