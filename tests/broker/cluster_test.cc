// Three real brokers: who leads, and what is acked, when some of them die, hang and come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <set>
#include <vector>

#include "tests/broker/broker_steps.h"
#include "tests/broker/cluster_fixture.h"
#include "tests/broker/cluster_history.h"
#include "tests/broker/cluster_load.h"
#include "tests/broker/cluster_process.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::chrono::milliseconds kAboveElectionTimeout{1'500};  // raft_timers.h

class Cluster : public ::testing::Test {
 protected:
  void TearDown() override {
    if (HasFailure()) std::cout << cluster_.Logs();
  }
  // One for each partition of the topic.
  using Loads = std::vector<std::unique_ptr<Load>>;
  Loads LoadAll(const std::string& topic, std::uint32_t partitions) {
    Loads loads;
    for (std::uint32_t p = 0; p < partitions; ++p)
      loads.push_back(std::make_unique<Load>(client_, history_, Load::Options{topic, p}));
    return loads;
  }
  static void ExpectAcks(const Loads& loads, std::size_t more) {
    for (const auto& load : loads) EXPECT_TRUE(load->WaitForAcks(more));
  }
  // Ends the loads; what was told to them and to readers of each node holds together.
  void ExpectNothingLost(const std::string& topic, const Loads& loads) {
    for (const auto& load : loads) {
      EXPECT_TRUE(load->Finish());
      EXPECT_THAT(load->errors(), IsEmpty());
      std::cout << "longest pause between acks " << load->longest_pause().count() << " ms\n";
    }
    EXPECT_TRUE(IsConsistent(cluster_, client_, topic, history_));
  }
  void ExpectCaughtUp(NodeId node, const std::string& topic, std::uint32_t partition) {
    const NodeId leader = cluster_.WaitForLeader(topic, partition);
    // Asked together: what a node tells of its own disk may be some time old.
    Offset wanted, found;
    const auto has_caught_up = [&] {
      wanted = cluster_.DurableEnd(leader, topic, partition);
      found = cluster_.DurableEnd(node, topic, partition);
      return found == wanted;
    };
    EXPECT_TRUE(Becomes(has_caught_up))
        << "expected " << wanted.value() << ", found " << found.value();
  }
  // A connection to the shard that has the topic's only partition on that node, whoever leads.
  std::unique_ptr<WireClient> ConnectToPartition(NodeId node, const std::string& topic) {
    auto client = std::make_unique<WireClient>(cluster_.client(node));
    // All nodes have as many shards.
    client->Hello(cluster_.Ask(node, topic)->partitions.at(0).shard);
    return client;
  }
  GroupId Group(const std::string& topic) {
    return {cluster_.Ask(cluster_.Running().front(), topic)->id, PartitionNumber(0)};
  }

  ClusterProcess cluster_;
  Client client_ = ConnectTo(cluster_);
  checker::HistoryRecorder history_;
};

Error ProduceError(WireClient& client, const GroupId& group, const std::string& value,
                   std::chrono::milliseconds patience = kPatience) {
  const ByteBuffer batch = MakeBatch({value});
  client.Send(wire::ProduceRequest{.group = group}, batch.span());
  return ErrorOf(client.Receive(patience));
}

TEST_F(Cluster, PartitionsAreLedByDifferentNodesAndAllNodesNameTheSame) {
  MakeTopic(cluster_, client_, "orders", 3);
  const auto leaders = [this] {
    std::set<NodeId> found;
    for (std::uint32_t p = 0; p < 3; ++p) found.insert(cluster_.WaitForLeader("orders", p));
    return found;
  };
  EXPECT_EQ(leaders().size(), 3u);
}

TEST_F(Cluster, AckedMessagesSurviveTheDeathOfTheLeader) {
  MakeTopic(cluster_, client_, "orders", 3);
  const NodeId victim = cluster_.WaitForLeader("orders");
  const Loads loads = LoadAll("orders", 3);
  ExpectAcks(loads, 1000);
  cluster_.Kill(victim);
  ExpectAcks(loads, 1000);
  EXPECT_NE(cluster_.WaitForLeader("orders"), victim);
  cluster_.Start(victim);
  ExpectAcks(loads, 1000);
  ExpectNothingLost("orders", loads);
  for (std::uint32_t p = 0; p < 3; ++p) ExpectCaughtUp(victim, "orders", p);
}

TEST_F(Cluster, AFollowerThatHungDisturbsNobodyWhenItGoesOn) {
  MakeTopic(cluster_, client_, "orders");
  const NodeId leader = cluster_.WaitForLeader("orders");
  const NodeId follower = cluster_.Others(leader).front();
  const Term term = cluster_.WaitForTerm("orders");
  Load load(client_, history_, {.topic = "orders"});
  const auto is_acked_for = [&load](std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) {
      if (!load.WaitForAcks(1)) return false;
    }
    return true;
  };
  for (int round = 0; round < 5; ++round) {
    cluster_.Pause(follower);
    EXPECT_TRUE(is_acked_for(kAboveElectionTimeout));
    cluster_.Continue(follower);
    const Offset end = cluster_.DurableEnd(leader, "orders");
    EXPECT_TRUE(Becomes([&] { return cluster_.DurableEnd(follower, "orders") >= end; }));
    EXPECT_EQ(cluster_.WaitForTerm("orders"), term);
    EXPECT_EQ(cluster_.Ask(follower, "orders")->partitions.at(0).term, term);
  }
  EXPECT_TRUE(load.Finish());
  EXPECT_THAT(load.errors(), IsEmpty());
  EXPECT_EQ(cluster_.WaitForLeader("orders"), leader);
}

TEST_F(Cluster, ALeaderThatHungStepsDownAndAcksNothingMore) {
  MakeTopic(cluster_, client_, "orders");
  const NodeId old = cluster_.WaitForLeader("orders");
  const GroupId group = Group("orders");
  const auto client = ConnectToPartition(old, "orders");
  ASSERT_EQ(ProduceError(*client, group, "before").code, ErrorCode::kOk);
  cluster_.Pause(old);
  const ByteBuffer late = MakeBatch({"late"});
  client->Send(wire::ProduceRequest{.group = group}, late.span());
  const auto paused_at = std::chrono::steady_clock::now();
  const NodeId next = cluster_.WaitForLeader("orders");
  const auto took = std::chrono::steady_clock::now() - paused_at;
  std::cout << "another leads after "
            << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
  EXPECT_NE(next, old);
  EXPECT_EQ(ProduceError(*ConnectToPartition(next, "orders"), group, "between").code,
            ErrorCode::kOk);
  cluster_.Continue(old);
  const Error answer = ErrorOf(client->Receive());
  EXPECT_THAT(answer.code, Not(ErrorCode::kOk));
  std::cout << "the request that waited: " << answer.ToString() << "\n";
  EXPECT_EQ(cluster_.WaitForLeader("orders"), next);
  EXPECT_EQ(ProduceError(*client, group, "after").code, ErrorCode::kNotLeader);
  const auto stored = CountValues(client_, "orders");
  EXPECT_EQ(stored.count("before"), 1u);
  EXPECT_EQ(stored.count("between"), 1u);
  EXPECT_EQ(stored.count("after"), 0u);
  if (answer.definite()) {
    EXPECT_EQ(stored.count("late"), 0u);
  }
}

TEST_F(Cluster, OneOfThreeAcksNothingAndGoesOnWithASecond) {
  MakeTopic(cluster_, client_, "orders");
  const NodeId survivor = cluster_.WaitForLeader("orders");
  const GroupId group = Group("orders");
  const auto client = ConnectToPartition(survivor, "orders");
  ASSERT_EQ(ProduceError(*client, group, "committed").code, ErrorCode::kOk);
  const std::vector<NodeId> others = cluster_.Others(survivor);
  for (const NodeId other : others) cluster_.Kill(other);
  const auto sent_at = std::chrono::steady_clock::now();
  const Error alone = ProduceError(*client, group, "alone");
  const auto took = std::chrono::steady_clock::now() - sent_at;
  std::cout << "alone: " << alone.ToString() << " after "
            << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
  EXPECT_LT(took, 2 * kAboveElectionTimeout);  // It steps down, and does not wait any longer.
  EXPECT_TRUE(alone.retriable()) << alone.ToString();
  EXPECT_EQ(ProduceError(*client, group, "still alone").code, ErrorCode::kNotLeader);
  const auto read = client->Call(
      wire::FetchRequest{.group = group, .credit_bytes = 1u << 20, .one_answer = true});
  if (ErrorOf(read).code == ErrorCode::kOk) {
    EXPECT_THAT(ValuesOf(read->attachment.view()), Contains("committed"));
  } else {
    EXPECT_TRUE(ErrorOf(read).retriable()) << ErrorOf(read).ToString();
  }
  cluster_.Start(others.front());
  const NodeId leader = cluster_.WaitForLeader("orders");
  EXPECT_EQ(ProduceError(*ConnectToPartition(leader, "orders"), group, "together").code,
            ErrorCode::kOk);
  const auto stored = CountValues(client_, "orders");
  EXPECT_EQ(stored.count("committed"), 1u);
  EXPECT_EQ(stored.count("still alone"), 0u);
  EXPECT_EQ(stored.count("together"), 1u);
}

TEST_F(Cluster, AckedMessagesSurviveTheDeathOfAllNodesAtOnce) {
  MakeTopic(cluster_, client_, "orders", 3);
  const Loads loads = LoadAll("orders", 3);
  ExpectAcks(loads, 1000);
  cluster_.KillAll();
  cluster_.StartAll();
  ExpectAcks(loads, 1000);
  ExpectNothingLost("orders", loads);
}

TEST(ClusterFounding, ANodeFoundedAloneCannotJoinOthers) {
  TemporaryDirectory data;
  {
    BrokerProcess alone({.data_directory = data.path()});
    ASSERT_TRUE(alone.IsReady()) << alone.Stderr();
    alone.Signal(SIGTERM);
    ASSERT_EQ(alone.WaitForExit(kPatience), 0);
  }
  // Nobody needs to listen there.
  BrokerProcess joining(
      {.data_directory = data.path(),
       .arguments = {"--peers", "1@127.0.0.1:20001,2@127.0.0.1:20002,3@127.0.0.1:20003"}});
  EXPECT_FALSE(joining.IsReady());
  EXPECT_EQ(joining.WaitForExit(kPatience), 2);
  EXPECT_THAT(joining.Stderr(), HasSubstr("node.peers"));
  EXPECT_THAT(joining.Stderr(), HasSubstr("was founded with the nodes 1, found 1, 2, 3"));
}

// Its disk is replaced while the others are down: they must know its old incarnation before they
// have a leader, or it votes for a log that lacks what it has acked.
TEST_F(Cluster, ANodeWithAnEmptyDirectoryDoesNotVoteAsItsOldSelf) {
  MakeTopic(cluster_, client_, "known-to-all");
  cluster_.Kill(NodeId(1));
  ASSERT_TRUE(client_.CreateTopic("known-to-2-and-3", 1, 3, {}).has_value());
  cluster_.Kill(NodeId(2));
  cluster_.Kill(NodeId(3));
  std::filesystem::remove_all(cluster_.data_directory(NodeId(3)));
  cluster_.Start(NodeId(1));
  cluster_.Start(NodeId(3));
  EXPECT_TRUE(Becomes([this] {
    return cluster_.process(NodeId(1)).Stderr().find("another data directory") != std::string::npos;
  }));
  cluster_.Start(NodeId(2));
  EXPECT_TRUE(Becomes([this] {
    return cluster_.Ask(NodeId(1), "known-to-2-and-3") &&
           cluster_.Ask(NodeId(2), "known-to-2-and-3");
  }));
}

}  // namespace
}  // namespace raftmq::testing
