// Leadership handed from node to node: on request, and by a broker that is told to stop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <memory>

#include "tests/broker/cluster_history.h"
#include "tests/broker/cluster_load.h"
#include "tests/broker/cluster_process.h"
#include "tests/broker/orders_cluster.h"

namespace raftmq::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::chrono::milliseconds kElectionTimeoutMin{500};  // raft_timers.h

class ClusterTransfer : public OrdersCluster {
 protected:
  Status TransferTo(NodeId node) { return client_.TransferLeader("orders", 0, node.value()); }
  // Who leads in the eyes of one node.
  NodeId LeaderAt(NodeId node) { return cluster_.Ask(node, "orders")->partitions.at(0).leader; }
  // Ends the load: all of it was acked and is there, and no ack was long in coming.
  void ExpectNobodyNoticed(Load& load) {
    EXPECT_TRUE(load.Finish());
    EXPECT_THAT(load.errors(), IsEmpty());
    EXPECT_LT(load.longest_pause(), kElectionTimeoutMin / 2);
    EXPECT_TRUE(IsConsistent(cluster_, client_, "orders", history_));
    std::cout << "longest pause between acks " << load.longest_pause().count() << " ms\n";
  }

  checker::HistoryRecorder history_;
};

TEST_F(ClusterTransfer, TheChosenReplicaLeadsWhenTheCallReturns) {
  Load load(client_, history_, {.topic = "orders"});
  ASSERT_TRUE(load.WaitForAcks(1000));
  for (int round = 0; round < 3; ++round) {
    for (const NodeId next : ClusterProcess::nodes()) {
      const Status transferred = TransferTo(next);
      ASSERT_TRUE(transferred) << transferred.error().ToString();
      EXPECT_EQ(LeaderAt(next), next);
      EXPECT_TRUE(load.WaitForAcks(200));
    }
  }
  ExpectNobodyNoticed(load);
}

TEST_F(ClusterTransfer, TheLeaderMayBeChosen) {
  const Term term = cluster_.WaitForTerm("orders");
  EXPECT_TRUE(TransferTo(leader_));
  EXPECT_EQ(cluster_.WaitForTerm("orders"), term);
}

TEST_F(ClusterTransfer, ANodeWithoutAReplicaIsRefusedByName) {
  const Status refused = TransferTo(NodeId(9));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message,
              HasSubstr("node 9 holds no replica of orders/0: those that do are 1, 2, 3"));
}

TEST_F(ClusterTransfer, AReplicaThatHangsDoesNotTakeOverAndTheLeaderLeadsOn) {
  const NodeId hung = cluster_.Others(leader_).front();
  cluster_.Pause(hung);
  Load load(client_, history_, {.topic = "orders"});
  ASSERT_TRUE(load.WaitForAcks(100));
  const Status failed = TransferTo(hung);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(failed.error().message, HasSubstr("leads on"));
  EXPECT_TRUE(load.WaitForAcks(100));
  EXPECT_TRUE(load.Finish());
  EXPECT_THAT(load.errors(), IsEmpty());
  EXPECT_EQ(LeaderAt(leader_), leader_);
}

TEST_F(ClusterTransfer, ABrokerThatStopsHandsItsPartitionsOverBeforeItDrains) {
  Load load(client_, history_, {.topic = "orders"});
  ASSERT_TRUE(load.WaitForAcks(1000));
  for (const NodeId node : ClusterProcess::nodes()) {
    cluster_.Stop(node);
    EXPECT_TRUE(load.WaitForAcks(500));
    cluster_.Start(node);
    EXPECT_TRUE(load.WaitForAcks(500));
    const NodeId leader = cluster_.WaitForLeader("orders");
    EXPECT_TRUE(Becomes([&] {
      return cluster_.DurableEnd(node, "orders").Plus(1000) >=
             cluster_.DurableEnd(leader, "orders");
    }));
  }
  ExpectNobodyNoticed(load);
}

}  // namespace
}  // namespace raftmq::testing
