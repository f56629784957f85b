// Followers that fell behind: what the leader takes from its files, and rolls that they repeat.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::SizeIs;

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

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

}  // namespace
}  // namespace raftmq
