// Sessions in a group of three: what a new leader knows of them, and what becomes of joined
// proposals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

Result<Proposed> ProduceNumbered(GroupCluster* cluster, std::uint32_t leader,
                                 std::uint32_t sequence, const std::string& value) {
  const auto answer = cluster->node(leader).Send(AnyGroupWorld::Numbered(sequence, value));
  cluster->Settle();
  if (!answer->has_value()) return Fail(ErrorCode::kTimeout, "no answer");
  return std::move(**answer);
}

TEST(GroupSessionCluster, AFollowerThatBecomesLeaderKnowsTheSessions) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_TRUE(ProduceNumbered(&cluster, 1, 0, "a").has_value());
  cluster.PowerCut(1);
  cluster.Elect(2);
  const Result<Proposed> again = ProduceNumbered(&cluster, 2, 0, "a");
  EXPECT_TRUE(again->is_duplicate);
  EXPECT_EQ(again->base_offset, Offset(0));
  ASSERT_TRUE(ProduceNumbered(&cluster, 2, 1, "b").has_value());
  cluster.Start(1);
  cluster.Heartbeat(2);
  for (std::uint32_t id = 1; id <= 3; ++id) {
    EXPECT_THAT(cluster.node(id).ReadFrom(0), ElementsAre("a", "b"));
    EXPECT_EQ(cluster.node(id).metrics.sessions.value(), 1u);
  }
}

// It lacks what its successor has stored: what it would say of the session is not true any more.
TEST(GroupSessionCluster, ALeaderThatWasDeposedRefusesNothingByItsOldState) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_TRUE(ProduceNumbered(&cluster, 1, 0, "a").has_value());
  cluster.Isolate(1);
  cluster.Elect(2);
  ASSERT_TRUE(ProduceNumbered(&cluster, 2, 1, "b").has_value());
  ASSERT_TRUE(cluster.group(1).status().is_leader);
  const auto next = cluster.node(1).Send(AnyGroupWorld::Numbered(2, "c"));
  cluster.Settle();
  EXPECT_FALSE(next->has_value());
  cluster.Tick(1, 2 * GroupCluster::kElectionTicksMin);
  cluster.Settle();
  ASSERT_TRUE(next->has_value());
  EXPECT_EQ((*next)->error().code, ErrorCode::kNotLeader);
}

// The new leader has the entry, but does not know yet whether it is committed.
TEST(GroupSessionCluster, ARetryAtTheNewLeaderWaitsForTheCommitOfTheOriginal) {
  GroupCluster cluster;
  cluster.Elect(1);
  for (const std::uint32_t id : {1u, 3u}) cluster.node(id).disk_hangs = true;
  const auto first = cluster.node(1).Send(AnyGroupWorld::Numbered(0, "a"));
  cluster.Settle();
  EXPECT_FALSE(first->has_value());
  cluster.PowerCut(1);
  cluster.node(3).disk_hangs = false;
  cluster.RunDisk(3);
  cluster.Win(2);
  const auto again = cluster.node(2).Send(AnyGroupWorld::Numbered(0, "a"));
  EXPECT_FALSE(again->has_value());
  cluster.Settle();
  ASSERT_TRUE(again->has_value());
  EXPECT_TRUE((*again)->value().is_duplicate);
  EXPECT_THAT(cluster.node(2).ReadFrom(0), ElementsAre("a"));
}

TEST(GroupSessionCluster, AJoinedProposalIsLostWithItsOriginalAndMayBeSentAgain) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.Isolate(1);
  const auto first = cluster.node(1).Send(AnyGroupWorld::Numbered(0, "a"));
  const auto again = cluster.node(1).Send(AnyGroupWorld::Numbered(0, "a"));
  cluster.Settle();
  cluster.Elect(2);
  ASSERT_TRUE(cluster.Produce(2, "other").has_value());
  cluster.Heal();
  cluster.Heartbeat(2);
  for (const auto& lost : {first, again}) {
    ASSERT_TRUE(lost->has_value());
    EXPECT_EQ((*lost)->error().code, ErrorCode::kDisconnected);
  }
  // The old leader has forgotten the session together with the entry.
  EXPECT_EQ(cluster.node(1).metrics.sessions.value(), 0u);
  const Result<Proposed> taken = ProduceNumbered(&cluster, 2, 0, "a");
  EXPECT_FALSE(taken->is_duplicate);
  cluster.Elect(1);
  EXPECT_EQ(ProduceNumbered(&cluster, 1, 0, "a")->base_offset, taken->base_offset);
  EXPECT_THAT(cluster.node(1).ReadFrom(0), ElementsAre("other", "a"));
}

TEST(GroupSessionCluster, SessionsOutliveTheSegmentsThatSpokeOfThem) {
  GroupCluster cluster({.segment_bytes = 1});
  cluster.Elect(1);
  ASSERT_TRUE(ProduceNumbered(&cluster, 1, 0, "a").has_value());
  for (int i = 0; i < 20; ++i) {
    static_cast<void>(cluster.Produce(1, Long(i)));
    cluster.Heartbeat(1);
  }
  cluster.group(1).Trim(Offset(18),
                        [](const Result<Offset>& start) { EXPECT_EQ(start, Offset(18)); });
  cluster.Settle();
  cluster.Heartbeat(1);
  for (std::uint32_t id = 1; id <= 3; ++id) cluster.PowerCut(id);
  cluster.StartAll();
  cluster.Elect(3);
  EXPECT_EQ(cluster.node(3).Fetch(0).error().code, ErrorCode::kOffsetBelowStart);
  const Result<Proposed> again = ProduceNumbered(&cluster, 3, 0, "a");
  ASSERT_TRUE(again.has_value()) << again.error().ToString();
  EXPECT_TRUE(again->is_duplicate);
  EXPECT_EQ(again->base_offset, Offset(0));
}

TEST(GroupSessionCluster, AnOpeningThatIsLostWithItsLeaderIsUnknown) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.Isolate(1);
  const auto opened = cluster.node(1).SendOpening(9, 2);
  cluster.Settle();
  cluster.Elect(2);
  cluster.Heal();
  cluster.Heartbeat(2);
  ASSERT_TRUE(opened->has_value());
  EXPECT_FALSE((*opened)->error().definite());
  EXPECT_EQ((*cluster.node(1).SendOpening(9, 2))->error().code, ErrorCode::kNotLeader);
  EXPECT_TRUE(ProduceNumbered(&cluster, 2, 0, "by epoch 1").has_value());
}

}  // namespace
}  // namespace raftmq
