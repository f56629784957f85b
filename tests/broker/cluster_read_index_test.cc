// Linearizable reads: what was acked before one is seen by it, whoever is asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include "raftmq/consumer.h"
#include "tests/broker/broker_steps.h"
#include "tests/broker/cluster_process.h"
#include "tests/broker/orders_cluster.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

class ClusterReadIndex : public OrdersCluster {
 protected:
  void SetUp() override {
    OrdersCluster::SetUp();
    group_ = {cluster_.Ask(leader_, "orders")->id, PartitionNumber(0)};
  }
  std::unique_ptr<WireClient> ConnectToPartition(NodeId node) {
    auto client = std::make_unique<WireClient>(cluster_.client(node));
    client->Hello(cluster_.Ask(node, "orders")->partitions.at(0).shard);
    return client;
  }
  // Appends the value at the leader; its offset, once it is acked.
  Offset ProduceTo(WireClient& leader, const std::string& value) {
    acked_.push_back(value);
    return Produce(leader, group_, {value});
  }
  ConsumerConfig Linearizable(NodeId replica) {
    ConsumerConfig config;
    config.topic = "orders";
    config.replica = replica.value();
    config.linearizable = true;
    return config;
  }

  GroupId group_;
  std::vector<std::string> acked_;
};

TEST_F(ClusterReadIndex, EveryReplicaAnswersWithAllThatWasAckedBefore) {
  const auto leader = ConnectToPartition(leader_);
  for (const NodeId node : ClusterProcess::nodes()) {
    const auto reader = ConnectToPartition(node);
    for (int round = 0; round < 50; ++round) {
      const Offset offset = ProduceTo(*leader, std::to_string(acked_.size()));
      const auto read = reader->Call(wire::ReadIndexRequest{.group = group_});
      const Offset end = As<wire::ReadIndexReply>(read).end;
      ASSERT_GT(end, offset) << "node " << node.value();
      const auto last = reader->Call(wire::FetchRequest{.group = group_,
                                                        .offset = offset,
                                                        .credit_bytes = 1u << 20,
                                                        .one_answer = true,
                                                        .end_seen = end});
      ASSERT_THAT(ValuesOf(last->attachment.view()), Contains(acked_.back()));
    }
  }
}

TEST_F(ClusterReadIndex, ALeaderThatHungDoesNotAnswerWithWhatItStillBelieves) {
  ProduceTo(*ConnectToPartition(leader_), "before");
  const auto old = ConnectToPartition(leader_);
  cluster_.Pause(leader_);
  // It waits in the socket: the first thing that the old leader does when it goes on.
  old->Send(wire::ReadIndexRequest{.group = group_});
  const NodeId next = cluster_.WaitForLeader("orders");
  const Offset offset = ProduceTo(*ConnectToPartition(next), "meanwhile");
  cluster_.Continue(leader_);
  const auto read = old->Receive();
  if (ErrorOf(read).code == ErrorCode::kOk) {
    EXPECT_GT(As<wire::ReadIndexReply>(read).end, offset);
  } else {
    EXPECT_THAT(ErrorOf(read).code, AnyOf(ErrorCode::kNotYet, ErrorCode::kTimeout));
  }
  std::cout << "the old leader: " << ErrorOf(read).ToString() << "\n";
}

TEST_F(ClusterReadIndex, WithoutAMajorityThereIsNone) {
  ProduceTo(*ConnectToPartition(leader_), "before");
  const auto survivor = ConnectToPartition(leader_);
  for (const NodeId other : cluster_.Others(leader_)) cluster_.Pause(other);
  const auto began = std::chrono::steady_clock::now();
  const Error error = ErrorOf(survivor->Call(wire::ReadIndexRequest{.group = group_}));
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_THAT(error.code, AnyOf(ErrorCode::kNotYet, ErrorCode::kTimeout));
  EXPECT_THAT(error.message, HasSubstr("majority"));
  EXPECT_LT(took, std::chrono::seconds(6));
  std::cout << error.ToString() << " after "
            << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
}

TEST_F(ClusterReadIndex, AConsumerOfAFollowerSeesAllThatWasAckedBefore) {
  const auto leader = ConnectToPartition(leader_);
  for (int i = 0; i < 200; ++i) ProduceTo(*leader, std::to_string(i));
  auto consumer = Consumer::Create(client_, Linearizable(cluster_.Others(leader_).front()));
  ASSERT_TRUE(consumer) << consumer.error().ToString();
  const auto ends = consumer->Ends();
  ASSERT_TRUE(ends) << ends.error().ToString();
  EXPECT_EQ(ends->at(0).end, acked_.size());
  std::vector<std::string> seen;
  while (consumer->Positions().at(0).next_offset < ends->at(0).end) {
    const auto batch = consumer->Poll(kPatience);
    ASSERT_TRUE(batch) << batch.error().ToString();
    for (const MessageView& message : batch->messages) seen.emplace_back(*message.value);
  }
  EXPECT_THAT(seen, ElementsAreArray(acked_));
}

TEST_F(ClusterReadIndex, AConsumerFollowsTheLeadershipToALinearizableEnd) {
  auto consumer = Consumer::Create(client_, Linearizable(NodeId(0)));
  ASSERT_TRUE(consumer) << consumer.error().ToString();
  cluster_.Kill(leader_);
  const NodeId next = cluster_.WaitForLeader("orders");
  ProduceTo(*ConnectToPartition(next), "after");
  const auto ends = consumer->Ends();
  ASSERT_TRUE(ends) << ends.error().ToString();
  EXPECT_EQ(ends->at(0).end, 1u);
}

}  // namespace
}  // namespace raftmq::testing
