// Producers' sessions in a cluster: allotted by every broker, known to every leader.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "protocol/types/batch_builder.h"
#include "tests/broker/broker_steps.h"
#include "tests/broker/cluster_process.h"
#include "tests/broker/orders_cluster.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {
namespace {

using ClusterSessions = OrdersCluster;

std::vector<wire::InitProducerReply> AskForNames(const Address& broker, int times) {
  WireClient client(broker);
  client.Hello();
  std::vector<wire::InitProducerReply> replies;
  for (int i = 0; i < times; ++i) {
    const auto reply = client.Call(wire::InitProducerRequest{.name = "relay"});
    replies.push_back(As<wire::InitProducerReply>(reply));
  }
  return replies;
}

// All brokers are asked at once, so that allotments are applied between another's commit and its
// answer.
TEST_F(ClusterSessions, OneNameAskedForEverywhereAtOnceNeverSharesAnEpoch) {
  constexpr int kTimes = 50;
  std::array<std::vector<wire::InitProducerReply>, ClusterProcess::kNodes> replies;
  std::vector<std::thread> askers;
  for (const NodeId node : ClusterProcess::nodes()) {
    askers.emplace_back([this, node, &replies] {
      replies[node.value() - 1] = AskForNames(cluster_.client(node), kTimes);
    });
  }
  for (std::thread& asker : askers) asker.join();
  std::set<std::uint32_t> epochs;
  for (const auto& of_node : replies) {
    for (const wire::InitProducerReply& reply : of_node) {
      EXPECT_EQ(reply.session, replies[0][0].session);
      EXPECT_TRUE(epochs.insert(reply.epoch).second) << reply.epoch;
    }
  }
  EXPECT_EQ(epochs.size(), kTimes * ClusterProcess::kNodes);
}

TEST_F(ClusterSessions, ARetryThroughEachLeaderGetsTheOriginalOffset) {
  const auto session = AskForNames(cluster_.client(NodeId(1)), 1).at(0);
  BatchBuilder builder(kBatchBytesMax);
  ASSERT_TRUE(builder.Append({.value = "once", .timestamp_ms = 1000}));
  const ByteBuffer batch =
      builder.Finish({.session = session.session, .session_epoch = session.epoch});
  for (const NodeId node : ClusterProcess::nodes()) {
    ASSERT_TRUE(client_.TransferLeader("orders", 0, node.value()).has_value());
    TopicClient topic(cluster_.client(node), "orders");
    const auto reply = topic.client.Call(wire::ProduceRequest{.group = topic.group}, batch.span());
    EXPECT_EQ(As<wire::ProduceReply>(reply).base_offset, Offset(0));
    EXPECT_EQ(ReadAll(topic.client, topic.group), std::vector<std::string>({"once"}));
  }
}

}  // namespace
}  // namespace raftmq::testing
