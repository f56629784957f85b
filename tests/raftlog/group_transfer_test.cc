// Leadership handed from replica to replica, and what its proposers are told.
#include <gtest/gtest.h>

#include <optional>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using Outcome = std::shared_ptr<std::optional<Status>>;

Outcome Transfer(Group& from, std::uint32_t to) {
  auto outcome = std::make_shared<std::optional<Status>>();
  from.TransferTo(NodeId(to), [outcome](Status status) {
    EXPECT_FALSE(outcome->has_value()) << "told twice";
    *outcome = std::move(status);
  });
  return outcome;
}

TEST(GroupTransfer, ItIsOverWhenTheOtherLeads) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "a").has_value());
  const Outcome outcome = Transfer(cluster.group(1), 3);
  EXPECT_FALSE(outcome->has_value());
  cluster.Settle();
  ASSERT_TRUE(outcome->has_value());
  EXPECT_TRUE(outcome->value());
  EXPECT_TRUE(cluster.group(3).status().is_leader);
  EXPECT_TRUE(cluster.Produce(3, "b").has_value());
}

TEST(GroupTransfer, ToTheLeaderItselfThereIsNothingToDo) {
  GroupCluster cluster;
  cluster.Elect(1);
  const Term term = cluster.group(1).status().term;
  EXPECT_TRUE(Transfer(cluster.group(1), 1)->value());
  EXPECT_EQ(Transfer(cluster.group(2), 3)->value().error().code, ErrorCode::kNotLeader);
  EXPECT_EQ(Transfer(cluster.group(1), 9)->value().error().code, ErrorCode::kInvalidArgument);
  cluster.Settle();
  EXPECT_EQ(cluster.group(1).status().term, term);
}

TEST(GroupTransfer, WhatIsProposedMeanwhileIsHeldUntilTheNewLeaderIsKnown) {
  GroupCluster cluster;
  cluster.Elect(1);
  const Outcome outcome = Transfer(cluster.group(1), 2);
  const auto held = cluster.node(1).Send(AnyGroupWorld::Batch({"held"}));
  EXPECT_FALSE(held->has_value());
  cluster.Settle();
  ASSERT_TRUE(held->has_value());
  EXPECT_EQ(held->value().error().code, ErrorCode::kNotLeader);
  EXPECT_EQ(cluster.group(1).status().leader, NodeId(2));
  EXPECT_TRUE(outcome->value());
}

TEST(GroupTransfer, WhatWasProposedBeforeIsAckedThroughTheNewLeader) {
  GroupCluster cluster;
  cluster.Elect(1);
  const auto before = cluster.node(1).Send(AnyGroupWorld::Batch({"before"}));
  const Outcome outcome = Transfer(cluster.group(1), 2);
  cluster.Settle();
  ASSERT_TRUE(before->has_value());
  EXPECT_TRUE(before->value().has_value()) << before->value().error().ToString();
  EXPECT_TRUE(outcome->value());
}

TEST(GroupTransfer, WhoDoesNotAnswerDoesNotTakeOverAndWhatWasHeldGoesOn) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.Isolate(3);
  ASSERT_TRUE(cluster.Produce(1, "a").has_value());  // It lacks this one.
  const Outcome outcome = Transfer(cluster.group(1), 3);
  const auto held = cluster.node(1).Send(AnyGroupWorld::Batch({"held"}));
  for (int i = 0; i < GroupCluster::kElectionTicksMin; ++i) {
    cluster.Tick(1, 1);
    cluster.Settle();
  }
  ASSERT_TRUE(outcome->has_value());
  EXPECT_EQ(outcome->value().error().code, ErrorCode::kTimeout);
  ASSERT_TRUE(held->has_value());
  EXPECT_TRUE(held->value().has_value());
  EXPECT_TRUE(cluster.group(1).status().is_leader);
}

TEST(GroupTransfer, HandOverTakesTheNextVoterWhenOneIsAway) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.PowerCut(2);
  cluster.group(1).PeerUnreachable(NodeId(2));
  bool is_over = false;
  cluster.group(1).HandOver([&] { is_over = true; });
  cluster.Settle();
  EXPECT_TRUE(is_over);
  EXPECT_TRUE(cluster.group(3).status().is_leader);
}

TEST(GroupTransfer, WithNobodyToHandItToHandOverIsOverAtOnce) {
  GroupCluster cluster;
  cluster.Elect(1);
  for (const std::uint32_t other : {2u, 3u}) {
    cluster.PowerCut(other);
    cluster.group(1).PeerUnreachable(NodeId(other));
  }
  bool is_over = false;
  cluster.group(1).HandOver([&] { is_over = true; });
  EXPECT_TRUE(is_over);
}

TEST(GroupTransfer, ADrainEndsWhatIsUnderWayAndTakesNoLeadership) {
  GroupCluster cluster;
  cluster.Elect(1);
  const Outcome outcome = Transfer(cluster.group(1), 2);
  cluster.group(1).Drain([] {});
  ASSERT_TRUE(outcome->has_value());
  EXPECT_EQ(outcome->value().error().code, ErrorCode::kDraining);
  cluster.group(2).Drain([] {});
  cluster.DeliverAll();
  EXPECT_FALSE(cluster.group(2).status().is_leader);
}

TEST(GroupTransfer, WhoStepsDownWithoutAMajorityTellsItsProposersAtOnce) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.Isolate(1);
  const auto alone = cluster.node(1).Send(AnyGroupWorld::Batch({"alone"}));
  for (int i = 0; i < 2 * GroupCluster::kElectionTicksMin; ++i) {
    cluster.Tick(1, 1);
    cluster.Settle();
  }
  EXPECT_FALSE(cluster.group(1).status().is_leader);
  ASSERT_TRUE(alone->has_value());
  EXPECT_FALSE(alone->value().error().definite());
}

}  // namespace
}  // namespace raftmq
