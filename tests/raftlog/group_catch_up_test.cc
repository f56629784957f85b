// Followers that fell behind: what the leader takes from its files, and rolls that they repeat.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

// Appends with entries that are on their way to a node.
int AppendsTo(const GroupCluster& cluster, std::uint32_t id) {
  return static_cast<int>(std::ranges::count_if(cluster.mail(), [id](const PeerMessage& message) {
    return message.to().node == NodeId(id) && !message.frames.empty();
  }));
}

// Node 3 has missed `entries` long ones; the leader, node 1, finds where it stands and feeds it.
void FallBehind(GroupCluster* cluster, int entries) {
  cluster->Elect(1);
  cluster->Isolate(3);
  for (int i = 0; i < entries; ++i) ASSERT_TRUE(cluster->Produce(1, Long(i)).has_value());
}

// Node 3 hears the leader, but its disk does nothing yet. What came to it from the files meanwhile:
// how many appends.
int FeedWithoutSync(GroupCluster* cluster) {
  cluster->Heal();
  cluster->node(3).disk_hangs = true;
  int appends = 0;
  cluster->Tick(1, GroupCluster::kHeartbeatTicks);
  while (!cluster->mail().empty()) {
    appends += AppendsTo(*cluster, 3);
    cluster->DeliverAll();
    cluster->group(1).TurnEnd();
  }
  cluster->node(3).disk_hangs = false;
  return appends;
}

TEST(GroupCatchUp, WhileOthersProduceACatchUpHasOneReadUnderWay) {
  GroupCluster cluster({.cache_bytes = 0, .segment_bytes = 2u << 20});
  FallBehind(&cluster, 100);
  EXPECT_EQ(FeedWithoutSync(&cluster), 1);
  const std::uint64_t taken = cluster.group(3).status().last.value();
  EXPECT_GT(taken, 10u);
  EXPECT_LT(taken, 30u);  // 256 KiB of 12 KB each.
  cluster.Settle();
  EXPECT_THAT(cluster.node(3).ReadFrom(0), SizeIs(100));
}

TEST(GroupCatchUp, WhenNobodyProducesItNeedNotWaitForTheFollowersDisk) {
  GroupCluster cluster({.cache_bytes = 0, .segment_bytes = 2u << 20});
  FallBehind(&cluster, 100);
  cluster.node(1).clock.Advance(Milliseconds(1000));
  EXPECT_GT(FeedWithoutSync(&cluster), 1);
  EXPECT_EQ(cluster.group(3).status().last, cluster.group(1).status().last);
}

TEST(GroupCatchUp, AFollowerFedFromTheCacheIsNotHeldBack) {
  GroupCluster cluster({.cache_bytes = 4u << 20, .segment_bytes = 2u << 20});
  FallBehind(&cluster, 100);
  EXPECT_GT(FeedWithoutSync(&cluster), 1);
  EXPECT_EQ(cluster.group(3).status().last, cluster.group(1).status().last);
}

// Producers at full speed who never pause: a follower that is held back would never catch up.
TEST(GroupCatchUp, WhoDoesNotComeNearerWhileOthersProduceIsNotHeldBack) {
  GroupCluster cluster({.cache_bytes = 0, .segment_bytes = 4u << 20});
  FallBehind(&cluster, 150);
  ASSERT_EQ(FeedWithoutSync(&cluster), 1);
  for (int i = 0; i < 25; ++i) cluster.node(1).Send(AnyGroupWorld::Batch({Long(i)}));
  cluster.RunDisk(1);
  cluster.RunDisk(2);
  cluster.node(1).clock.Advance(Milliseconds(1000));
  cluster.RunDisk(3);
  EXPECT_GT(FeedWithoutSync(&cluster), 1);
}

TEST(GroupCatchUp, AFollowerTakesARollWhenItsNextFileIsReady) {
  // So small that they are full before they are half full: nobody has prepared anything.
  GroupCluster cluster({.segment_bytes = 1});
  cluster.Elect(1);
  for (int i = 0; i < 20; ++i) {
    static_cast<void>(cluster.Produce(1, Long(i)));
    cluster.Heartbeat(1);
  }
  EXPECT_GT(cluster.node(2).metrics.appends_cut_short.value(), 0u);
  EXPECT_EQ(cluster.node(2).metrics.appends_refused.value(), 0u);
  EXPECT_THAT(cluster.node(2).ReadFrom(0), SizeIs(20));
  EXPECT_EQ(cluster.node(2).Segments(), cluster.node(1).Segments());
}

// The checkpoints come in one message, at indexes where the follower still has entries of its own.
TEST(GroupCatchUp, RollsThatReplaceACutSuffixWaitForTheirFilesToo) {
  GroupCluster cluster({.segment_bytes = 1});
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "kept").has_value());
  cluster.Isolate(1);
  for (int i = 0; i < 10; ++i) cluster.node(1).Send(AnyGroupWorld::Batch({"lost"}));
  cluster.Settle();
  cluster.Elect(2);
  for (int i = 0; i < 20; ++i) {
    static_cast<void>(cluster.Produce(2, Long(i)));
    cluster.Heartbeat(2);
  }
  cluster.Heal();
  for (int i = 0; i < 20; ++i) cluster.Heartbeat(2);
  EXPECT_THAT(cluster.node(1).ReadFrom(0), SizeIs(21));
  EXPECT_EQ(cluster.node(1).Segments(), cluster.node(2).Segments());
}

TEST(GroupCatchUp, WhatTheCacheNoLongerHoldsComesFromTheFiles) {
  GroupCluster cluster({.cache_bytes = 0});
  cluster.Elect(1);
  cluster.Isolate(3);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  cluster.Heal();
  for (int i = 0; i < 10; ++i) cluster.Heartbeat(1);
  EXPECT_THAT(cluster.node(3).ReadFrom(0), SizeIs(50));
  EXPECT_EQ(cluster.node(3).Segments(), cluster.node(1).Segments());
}

// A leader may lose its office while it reads for a follower, and win it again after its log was
// cut and written anew: what it has read belongs to another history.
TEST(GroupCatchUp, WhatWasReadForAFollowerIsForgottenWithTheLeadership) {
  GroupCluster cluster({.cache_bytes = 0});
  cluster.node(1).files->KeepPagesCold(true);
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "kept").has_value());
  // Node 1 writes an entry that no other gets, and node 3 asks for what it lacks.
  cluster.Isolate(1);
  cluster.node(1).Send(AnyGroupWorld::Batch({Long(1)}));
  cluster.Settle();
  cluster.Heal();
  cluster.Isolate(2);
  cluster.Tick(1, GroupCluster::kHeartbeatTicks);
  cluster.DeliverAll();
  cluster.RunDisk(3);
  cluster.DeliverAll();
  cluster.group(1).TurnEnd();
  ASSERT_FALSE(cluster.node(1).work().idle());

  // When that is read it leads no more. Node 2 does, and cuts the entry on node 1.
  cluster.Heal();
  cluster.Isolate(1);
  cluster.Tick(1, 2 * GroupCluster::kElectionTicksMin);
  EXPECT_FALSE(cluster.group(1).status().is_leader);
  cluster.node(1).work().RunAll();
  cluster.Win(2);
  cluster.Heal();
  cluster.Isolate(3);
  ASSERT_TRUE(cluster.Produce(2, "instead").has_value());
  EXPECT_EQ(cluster.node(1).metrics.truncations.value(), 1u);

  // Node 1 leads again and brings node 3 what is committed.
  cluster.PowerCut(2);
  cluster.Heal();
  cluster.Elect(1);
  for (int i = 0; i < 5; ++i) cluster.Heartbeat(1);
  EXPECT_THAT(cluster.node(1).ReadFrom(0), ElementsAre("kept", "instead"));
  EXPECT_THAT(cluster.node(3).ReadFrom(0), ElementsAre("kept", "instead"));
  EXPECT_EQ(cluster.node(3).Segments(), cluster.node(1).Segments());
}

// What a follower lacks may be damaged at the leader, and whole at another follower.
TEST(GroupCatchUp, DamageAtTheLeaderIsRepairedFromAFollowerAndTheOtherCatchesUp) {
  GroupCluster cluster({.cache_bytes = 0});
  cluster.Elect(1);
  cluster.Isolate(3);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  const std::string segment = cluster.node(1).Segments().begin()->first;
  cluster.node(1).files->Damage("/p/" + segment, 60'000, std::byte{1});
  cluster.node(1).Crash();
  cluster.Start(1);
  cluster.Elect(1);
  cluster.Heal();
  for (int i = 0; i < 10; ++i) cluster.Heartbeat(1);
  EXPECT_EQ(cluster.group(1).damage().size(), 0u);
  EXPECT_EQ(cluster.node(1).metrics.entries_repaired.value(), 1u);
  EXPECT_EQ(cluster.group(3).status().last, cluster.group(1).status().last);
  EXPECT_TRUE(cluster.node(1).Segments() == cluster.node(2).Segments());
}

TEST(GroupCatchUp, AFullWorkQueueIsTriedAgainWithTheNextTick) {
  GroupCluster cluster({.cache_bytes = 0});
  cluster.node(1).files->KeepPagesCold(true);
  cluster.Elect(1);
  cluster.Isolate(3);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  cluster.Heal();
  while (cluster.node(1).work().Submit([] {}, [] {})) {
  }
  cluster.Tick(1, GroupCluster::kHeartbeatTicks);
  for (int i = 0; i < 4; ++i) {
    cluster.DeliverAll();
    cluster.group(1).TurnEnd();
  }
  cluster.Heartbeat(1);
  EXPECT_THAT(cluster.node(3).ReadFrom(0), SizeIs(10));
}

}  // namespace
}  // namespace raftmq
