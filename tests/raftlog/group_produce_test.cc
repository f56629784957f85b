// From a proposal to its commit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_world.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;

TEST(GroupProduce, AnswersWithOffsetAndTimeOnceCommitted) {
  GroupWorld world;
  world.Start();
  const Result<Proposed> first = world.Produce({"a", "b"});
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->base_offset, Offset(0));
  EXPECT_EQ(first->append_time_ms, world.clock.WallNowMs());
  const Result<Proposed> second = world.Produce({"c"});
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->base_offset, Offset(2));
  EXPECT_EQ(second->index, first->index.Next());
  EXPECT_EQ(world.group->status().end, Offset(3));
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a", "b", "c"));
}

TEST(GroupProduce, NothingIsAnsweredBeforeTheSync) {
  GroupWorld world;
  world.Start();
  const auto answer = world.Send(GroupWorld::Batch({"a"}));
  world.group->TurnEnd();
  world.disk().WriteAll();
  EXPECT_FALSE(answer->has_value());
  EXPECT_EQ(world.group->status().end, Offset(0));
  world.disk().SyncAll();
  EXPECT_FALSE(answer->has_value());
  world.disk().CompleteAll();
  ASSERT_TRUE(answer->has_value());
  EXPECT_TRUE((*answer)->has_value());
  EXPECT_EQ(world.group->status().end, Offset(1));
}

TEST(GroupProduce, InMemoryIsAnsweredAtOnceAndServedOnceCommitted) {
  GroupWorld world;
  world.Start();
  std::optional<Result<Proposed>> answer;
  ByteBuffer batch = GroupWorld::Batch({"a"});
  const std::size_t bytes = batch.size();
  world.group->Propose(std::move(batch), 0, bytes, {.in_memory = true},
                       [&](Result<Proposed> proposed) { answer = proposed; });
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(answer->has_value());
  const Result<FetchSlice> before = world.group->status().end == Offset(0)
                                        ? Result<FetchSlice>(FetchSlice{})
                                        : Fail(ErrorCode::kInternal, "served too early");
  EXPECT_TRUE(before.has_value());
  world.Settle();
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a"));
}

// Two who decide by the same state: only one of them is right.
TEST(GroupProduce, AConditionalAppendGetsItsOffsetOrNone) {
  GroupWorld world;
  world.Start();
  const auto send = [&world](std::uint64_t offset, const std::string& value) {
    auto answer = std::make_shared<std::optional<Result<Proposed>>>();
    ByteBuffer batch = GroupWorld::Batch({value});
    const std::size_t bytes = batch.size();
    world.group->Propose(std::move(batch), 0, bytes, {.base_offset = Offset(offset)},
                         [answer](Result<Proposed> proposed) { *answer = std::move(proposed); });
    return answer;
  };
  const auto first = send(0, "a");
  const auto second = send(0, "b");
  // Refused by what is in the log, committed or not, once it is sure that this is the leader.
  world.Settle();
  ASSERT_TRUE(second->has_value());
  EXPECT_EQ((*second)->error().code, ErrorCode::kOffsetMismatch);
  EXPECT_EQ((*first)->value().base_offset, Offset(0));
  const auto third = send(1, "c");
  const auto beyond = send(7, "d");
  world.Settle();
  EXPECT_TRUE((*third)->has_value());
  EXPECT_EQ((*beyond)->error().code, ErrorCode::kOffsetMismatch);
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a", "c"));
}

TEST(GroupProduce, ProposalsGatherWhileAJobIsUnderWay) {
  GroupWorld world;
  world.Start();
  const auto a = world.Send(GroupWorld::Batch({"a"}));
  world.group->TurnEnd();
  const auto b = world.Send(GroupWorld::Batch({"b"}));
  const auto c = world.Send(GroupWorld::Batch({"c"}));
  world.group->TurnEnd();
  world.disk().WriteAll();
  world.disk().SyncAll();
  world.disk().CompleteAll();
  EXPECT_TRUE(a->has_value());
  EXPECT_FALSE(b->has_value());
  world.disk().RunRound();  // Both in one job.
  EXPECT_TRUE(b->has_value());
  EXPECT_TRUE(c->has_value());
}

TEST(GroupProduce, FramesAreStampedAsTheLogWantsThem) {
  GroupWorld world;
  world.Start();
  ASSERT_TRUE(world.Produce({"a"}).has_value());
  world.clock.SetWallMs(1000);  // The wall clock goes back: append times do not.
  ASSERT_TRUE(world.Produce({"b"}).has_value());
  std::uint64_t chain = world.files.entries.front().header.header_hash;
  Index index = world.files.first;
  std::int64_t time = 0;
  for (std::size_t i = 1; i < world.files.entries.size(); ++i) {
    const FakeDisk::Entry& entry = world.files.entries[i];
    EXPECT_EQ(entry.header.leader.chain, chain);
    EXPECT_EQ(entry.header.leader.index, index.Next());
    EXPECT_GE(entry.header.leader.append_time_ms, time);
    EXPECT_TRUE(HeaderHashHolds(entry.frame.view(), world.files.group_seed));
    EXPECT_TRUE(PayloadHashHolds(entry.frame.view(), entry.header));
    EXPECT_LT(entry.header.leader.committed_up_to, entry.header.leader.index);
    chain = entry.header.header_hash;
    index = entry.header.leader.index;
    time = entry.header.leader.append_time_ms;
  }
  // The last frame says that all before it was committed when it was stamped.
  EXPECT_EQ(world.files.entries.back().header.leader.committed_up_to, index.Minus(1));
}

TEST(GroupProduce, TheFrameMayStandAnywhereInTheBuffer) {
  GroupWorld world;
  world.Start();
  const ByteBuffer batch = GroupWorld::Batch({"a"});
  ByteBuffer received(batch.size() + 24);
  std::memcpy(received.data() + 16, batch.data(), batch.size());
  std::optional<Result<Proposed>> answer;
  world.group->Propose(std::move(received), 16, batch.size(),
                       [&](Result<Proposed> proposed) { answer = proposed; });
  world.Settle();
  ASSERT_TRUE(answer.has_value());
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a"));
}

TEST(GroupProduce, RefusesUntilItLeads) {
  GroupWorld world;
  world.Open();
  const auto answer = world.Send(GroupWorld::Batch({"a"}));
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->error().code, ErrorCode::kNotLeader);
}

TEST(GroupProduce, ListenerIsToldAfterTheEndHasMoved) {
  GroupWorld world;
  world.Start();
  Offset seen;
  int calls = 0;
  world.group->SetOnCommit([&] {
    seen = world.group->status().end;
    ++calls;
  });
  ASSERT_TRUE(world.Produce({"a"}).has_value());
  EXPECT_EQ(seen, Offset(1));
  EXPECT_EQ(calls, 1);
}

TEST(GroupProduce, ACallbackMayProposeAgain) {
  GroupWorld world;
  world.Start();
  int left = 5;
  std::function<void(Result<Proposed>)> again = [&](Result<Proposed> proposed) {
    ASSERT_TRUE(proposed.has_value());
    if (--left == 0) return;
    ByteBuffer batch = GroupWorld::Batch({"more"});
    const std::size_t bytes = batch.size();
    world.group->Propose(std::move(batch), 0, bytes, again);
  };
  ByteBuffer batch = GroupWorld::Batch({"first"});
  const std::size_t bytes = batch.size();
  world.group->Propose(std::move(batch), 0, bytes, again);
  world.Settle();
  EXPECT_EQ(left, 0);
  EXPECT_EQ(world.group->status().end, Offset(5));
}

TEST(GroupProduce, NoCallbackRunsAfterTheGroupIsGone) {
  GroupWorld world;
  world.Start();
  const auto answer = world.Send(GroupWorld::Batch({"a"}));
  world.group->TurnEnd();
  world.group.reset();
  world.disk().RunRound();
  EXPECT_FALSE(answer->has_value());
  EXPECT_EQ(world.metrics.pending_bytes.value(), 0u);
  EXPECT_EQ(world.metrics.leaders.value(), 0u);
}

}  // namespace
}  // namespace raftmq
