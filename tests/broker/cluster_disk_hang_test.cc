// A leader whose disk hangs, or fails: who leads, how long producers wait, and what is stored.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/broker/cluster_history.h"
#include "tests/broker/cluster_load.h"
#include "tests/broker/cluster_process.h"
#include "tests/broker/orders_cluster.h"

namespace raftmq::testing {
namespace {

using ::testing::IsEmpty;

constexpr int kExitFailedWrite = 10;
constexpr std::chrono::milliseconds kDiskHangLimit{3'000};     // group_factory.h
constexpr std::chrono::milliseconds kElectionTimeoutMin{500};  // raft_timers.h

class ClusterDiskHang : public OrdersCluster {
 protected:
  ClusterDiskHang() : OrdersCluster({.fail_sync = FAIL_SYNC_PATH}) {}
  bool HasCaughtUp(NodeId node) {
    const NodeId leader = cluster_.WaitForLeader("orders");
    return Becomes([&] {
      return cluster_.DurableEnd(node, "orders") == cluster_.DurableEnd(leader, "orders");
    });
  }
  // Ends the load; nothing was lost or doubled, and every replica has it all.
  void ExpectAllIsThere(Load& load) {
    EXPECT_TRUE(load.Finish());
    EXPECT_THAT(load.errors(), IsEmpty());
    EXPECT_TRUE(HasCaughtUp(leader_));
    EXPECT_TRUE(IsConsistent(cluster_, client_, "orders", history_));
    std::cout << "longest pause between acks " << load.longest_pause().count() << " ms\n";
  }

  checker::HistoryRecorder history_;
};

TEST_F(ClusterDiskHang, ALeaderWhoseDiskHangsHandsOverAtTheLimitAndFollowsAfterwards) {
  Load load(client_, history_, {.topic = "orders"});
  ASSERT_TRUE(load.WaitForAcks(1000));
  std::ofstream(cluster_.StallsWhen(leader_)) << "now";
  ASSERT_TRUE(Becomes([&] {
    const auto leader = cluster_.FindLeader("orders");
    return leader && *leader != leader_;
  }));
  EXPECT_TRUE(load.WaitForAcks(1000));
  std::filesystem::remove(cluster_.StallsWhen(leader_));
  EXPECT_TRUE(load.WaitForAcks(1000));
  ExpectAllIsThere(load);
  EXPECT_LT(load.longest_pause(), kDiskHangLimit + kElectionTimeoutMin);
}

TEST_F(ClusterDiskHang, ALeaderWhoseSyncFailsEndsAndAnotherLeadsBeforeAnElectionTimeout) {
  Load load(client_, history_, {.topic = "orders"});
  ASSERT_TRUE(load.WaitForAcks(1000));
  std::ofstream(cluster_.FailsWhen(leader_)) << "now";
  EXPECT_EQ(cluster_.WaitForEnd(leader_), kExitFailedWrite);
  EXPECT_TRUE(load.WaitForAcks(1000));
  EXPECT_LT(load.longest_pause(), kElectionTimeoutMin);
  std::filesystem::remove(cluster_.FailsWhen(leader_));
  cluster_.Start(leader_);
  EXPECT_TRUE(load.WaitForAcks(1000));
  ExpectAllIsThere(load);
}

}  // namespace
}  // namespace raftmq::testing
