// Three replicas of one group when leaders change, and machines lose their power.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

TEST(GroupFailover, AFollowerCutsWhatANewLeaderDoesNotHave) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "a").has_value());
  cluster.Isolate(1);
  const auto lost = cluster.node(1).Send(AnyGroupWorld::Batch({"lost"}));
  cluster.Settle();
  cluster.Elect(2);
  ASSERT_TRUE(cluster.Produce(2, "b").has_value());
  cluster.Heal();
  cluster.Heartbeat(2);
  // Whoever sent it does not know: another replica could have had it.
  ASSERT_TRUE(lost->has_value());
  EXPECT_EQ((*lost)->error().code, ErrorCode::kDisconnected);
  EXPECT_EQ(cluster.node(1).metrics.truncations.value(), 1u);
  EXPECT_THAT(cluster.node(1).ReadFrom(0), ElementsAre("a", "b"));
  EXPECT_EQ(cluster.node(1).Segments(), cluster.node(2).Segments());
}

TEST(GroupFailover, ACampaignThatMakesNoLeaderIsCounted) {
  constexpr int kTimerRunsOut = 1100;
  GroupCluster cluster;
  cluster.node(1).disk_hangs = true;
  for (const std::uint32_t other : {2u, 3u}) cluster.Tick(other, GroupCluster::kElectionTicksMin);
  cluster.Tick(1, kTimerRunsOut);
  cluster.Settle();  // It may stand, and waits for its own vote to be durable.
  cluster.node(1).disk_hangs = false;
  cluster.Isolate(1);
  cluster.Settle();
  EXPECT_EQ(cluster.node(1).metrics.elections_lost.value(), 0u);
  cluster.Tick(1, kTimerRunsOut);
  EXPECT_EQ(cluster.node(1).metrics.elections_lost.value(), 1u);
}

TEST(GroupFailover, ACutHoldsOverAPowerCut) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.Isolate(1);
  cluster.node(1).Send(AnyGroupWorld::Batch({"lost"}));
  cluster.Settle();
  cluster.Elect(2);
  ASSERT_TRUE(cluster.Produce(2, "b").has_value());
  cluster.Heal();
  cluster.Heartbeat(2);
  cluster.PowerCut(1);
  cluster.Start(1);
  cluster.Heartbeat(2);
  EXPECT_THAT(cluster.node(1).ReadFrom(0), ElementsAre("b"));
  EXPECT_EQ(cluster.node(1).Segments(), cluster.node(2).Segments());
}

TEST(GroupFailover, AKilledLeaderLosesNothingThatWasAcked) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "a").has_value());
  // Acked by the others' disks; the leader's own never came to it.
  cluster.node(1).disk_hangs = true;
  ASSERT_TRUE(cluster.Produce(1, "b").has_value());
  cluster.PowerCut(1);
  cluster.node(1).disk_hangs = false;
  cluster.Elect(3);
  ASSERT_TRUE(cluster.Produce(3, "c").has_value());
  cluster.Start(1);
  cluster.Heartbeat(3);
  for (std::uint32_t id = 1; id <= 3; ++id)
    EXPECT_THAT(cluster.node(id).ReadFrom(0), ElementsAre("a", "b", "c")) << "node " << id;
}

TEST(GroupFailover, APowerCutOfAllLosesNothingThatWasAcked) {
  GroupCluster cluster;
  cluster.Elect(1);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  for (std::uint32_t id = 1; id <= 3; ++id) cluster.PowerCut(id);
  cluster.StartAll();
  cluster.Elect(2);
  EXPECT_THAT(cluster.node(2).ReadFrom(0), SizeIs(10));
  EXPECT_THAT(cluster.node(3).ReadFrom(0), SizeIs(10));
}

TEST(GroupFailover, AReplacedLeaderAnswersNoRead) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.Isolate(1);
  cluster.Elect(2);
  ASSERT_TRUE(cluster.Produce(2, "a").has_value());
  std::optional<Result<Offset>> end;
  cluster.group(1).ReadIndex([&](Result<Offset> found) { end = found; });
  cluster.Settle();
  EXPECT_FALSE(end.has_value());
  cluster.Heal();
  cluster.Heartbeat(2);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->error().code, ErrorCode::kNotYet);
}

TEST(GroupFailover, ABrokenConnectionStartsElectionsByRank) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.PowerCut(1);
  for (const std::uint32_t id : {2u, 3u}) cluster.group(id).PeerUnreachable(NodeId(1));
  // Two ticks are enough for the first in rank, and too few for the second.
  for (const std::uint32_t id : {3u, 2u}) cluster.Tick(id, 2);
  cluster.Settle();
  EXPECT_TRUE(cluster.group(2).status().is_leader);
  EXPECT_EQ(cluster.group(3).status().leader, NodeId(2));
}

TEST(GroupFailover, AFollowerRefusesProposalsAndNamesTheLeader) {
  GroupCluster cluster;
  cluster.Elect(2);
  const Result<Proposed> refused = cluster.Produce(1, "a");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kNotLeader);
  EXPECT_EQ(cluster.group(1).status().leader, NodeId(2));
}

// All disks wiped, and as much written again: only the term tells the two logs apart.
TEST(GroupFailover, APositionInALostLogIsRefusedByLeaderAndFollowers) {
  GroupCluster lost;
  lost.Elect(1);
  ASSERT_TRUE(lost.Produce(1, "a").has_value());
  const auto batch = ParseBatchHeader(lost.node(1).Fetch(0)->batches.at(0).view());
  const Offset next = batch->end_offset();
  const Term term = batch->leader.term;
  GroupCluster cluster;
  cluster.Elect(2);
  cluster.Elect(3);
  for (const char* value : {"x", "y"}) ASSERT_TRUE(cluster.Produce(3, value).has_value());
  cluster.Heartbeat(3);
  for (std::uint32_t id = 1; id <= 3; ++id) {
    EXPECT_TRUE(lost.node(id).CheckPosition(next.value(), term.value()).has_value());
    EXPECT_EQ(cluster.node(id).CheckPosition(next.value(), term.value()).error().code,
              ErrorCode::kPositionDiverged)
        << "node " << id;
    EXPECT_TRUE(cluster.node(id).CheckPosition(next.value(), term.value() + 1).has_value());
  }
}

}  // namespace
}  // namespace raftmq
