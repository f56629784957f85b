// Changes of the membership on whole replicas: what joins gets everything, what leaves is not
// needed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;

constexpr Replica kOne{NodeId(1), ReplicaNumber(1)};
constexpr Replica kTwo{NodeId(2), ReplicaNumber(2)};
constexpr Replica kThree{NodeId(3), ReplicaNumber(3)};
constexpr Replica kThreeAnew{NodeId(3), ReplicaNumber(9)};

Replica AsLearner(Replica replica) {
  replica.voter = false;
  return replica;
}

ErrorCode Change(GroupCluster* cluster, std::uint32_t leader, const Membership& next) {
  // It may come later than this function waits for.
  const auto answer = std::make_shared<std::optional<Result<Proposed>>>();
  cluster->group(leader).ChangeMembership(next, [answer](Result<Proposed> to) { *answer = to; });
  cluster->Settle();
  if (!answer->has_value()) return ErrorCode::kTimeout;
  return (*answer)->has_value() ? ErrorCode::kOk : (*answer)->error().code;
}

TEST(GroupMembers, ANodeThatLostItsDiskComesBackAsALearnerAndIsPromoted) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "a").has_value());
  cluster.Replace(3, kThreeAnew.number);
  ASSERT_EQ(Change(&cluster, 1, {kOne, kTwo}), ErrorCode::kOk);
  ASSERT_EQ(Change(&cluster, 1, {kOne, kTwo, AsLearner(kThreeAnew)}), ErrorCode::kOk);
  cluster.Heartbeat(1);
  ASSERT_EQ(Change(&cluster, 1, {kOne, kTwo, kThreeAnew}), ErrorCode::kOk);
  // Now it counts: two are a majority.
  cluster.PowerCut(2);
  EXPECT_TRUE(cluster.Produce(1, "b").has_value());
  EXPECT_THAT(cluster.node(3).ReadFrom(0), ElementsAre("a", "b"));
}

TEST(GroupMembers, ARemovedNodeIsNotNeeded) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.PowerCut(3);
  ASSERT_EQ(Change(&cluster, 1, {kOne, kTwo}), ErrorCode::kOk);
  cluster.PowerCut(2);
  // Known bug 9: the removal of a node that is gone needs nobody's consent but the others'.
  ASSERT_EQ(Change(&cluster, 1, {kOne}), ErrorCode::kOk);
  EXPECT_TRUE(cluster.Produce(1, "alone").has_value());
}

TEST(GroupMembers, ALeaderThatRemovesItselfLeavesAWorkingGroup) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_EQ(Change(&cluster, 1, {kTwo, kThree}), ErrorCode::kOk);
  EXPECT_FALSE(cluster.group(1).status().is_leader);
  cluster.PowerCut(1);
  cluster.Elect(2);
  EXPECT_TRUE(cluster.Produce(2, "a").has_value());
}

TEST(GroupMembers, AChangeIsKnownAfterAPowerCutOfAll) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_EQ(Change(&cluster, 1, {kOne, kTwo}), ErrorCode::kOk);
  for (const std::uint32_t id : {1u, 2u, 3u}) cluster.PowerCut(id);
  cluster.Start(1);
  cluster.Start(2);
  cluster.Elect(2);
  EXPECT_TRUE(cluster.Produce(2, "a").has_value());
  EXPECT_EQ(Change(&cluster, 2, {kTwo}), ErrorCode::kOk);
}

TEST(GroupMembers, ANewLeaderWaitsForItsNoOpBeforeItChangesAnything) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.PowerCut(1);
  cluster.Win(2);
  std::optional<Result<Proposed>> answer;
  cluster.group(2).ChangeMembership({kOne, kTwo}, [&](Result<Proposed> to) { answer = to; });
  // Known bug 7.
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().code, ErrorCode::kNotYet);
  cluster.Settle();
  EXPECT_EQ(Change(&cluster, 2, {kOne, kTwo}), ErrorCode::kTimeout);  // Node 1 is down.
  cluster.Start(1);
  cluster.Heartbeat(2);
  EXPECT_TRUE(cluster.Produce(2, "a").has_value());
}

}  // namespace
}  // namespace raftmq
