// What three brokers count while they work, fall behind and fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "tests/broker/cluster_load.h"
#include "tests/broker/cluster_process.h"
#include "tests/broker/orders_cluster.h"

namespace raftmq::testing {
namespace {

class ClusterMetrics : public OrdersCluster {
 protected:
  // The value of a series, which must be there.
  double At(NodeId node, const std::string& series) const {
    const std::string body = HttpGet(cluster_.process(node).http(), "/metrics").body;
    const std::string line = "\n" + series + " ";
    const auto at = body.find(line);
    if (at == std::string::npos) throw std::runtime_error("no " + series + " in " + body);
    return std::strtod(body.c_str() + at + line.size(), nullptr);
  }
  double Sum(const std::string& series) const {
    double sum = 0;
    for (const NodeId node : cluster_.Running()) sum += At(node, series);
    return sum;
  }
  // What a node shows follows what it does by a moment.
  bool Rises(NodeId node, const std::string& series, double above) const {
    return Becomes([&] { return At(node, series) > above; });
  }

  checker::HistoryRecorder history_;  // Not judged here.
};

TEST_F(ClusterMetrics, TheStagesOfARequestAreTimed) {
  const double before = At(leader_, "raftmq_raft_commit_latency_seconds_count");
  Load load(client_, history_, {.topic = "orders"});
  ASSERT_TRUE(load.WaitForAcks(1000));
  EXPECT_TRUE(Rises(leader_, "raftmq_raft_pending_proposals", 0));
  EXPECT_TRUE(load.Finish());
  EXPECT_GT(At(leader_, "raftmq_raft_commit_latency_seconds_count"), before);
  for (const std::string stage : {"queue", "append", "sync", "replication", "reply"})
    EXPECT_GT(At(leader_, "raftmq_produce_stage_seconds_count{stage=\"" + stage + "\"}"), 0);
  for (const NodeId node : ClusterProcess::nodes())
    EXPECT_GT(At(node, "raftmq_raft_append_latency_seconds_count"), 0);
  EXPECT_TRUE(Becomes([&] { return At(leader_, "raftmq_raft_pending_proposals") == 0; }));
}

TEST_F(ClusterMetrics, AFollowerThatHangsIsSeenAtItsLeader) {
  const std::string lag = "raftmq_raft_follower_lag_entries";
  const std::string silent = "raftmq_raft_heartbeat_failures_total";
  const NodeId follower = cluster_.Others(leader_).front();
  Load load(client_, history_, {.topic = "orders"});
  ASSERT_TRUE(load.WaitForAcks(100));
  const double before = At(leader_, silent);
  cluster_.Pause(follower);
  EXPECT_TRUE(Rises(leader_, silent, before));
  EXPECT_TRUE(Rises(leader_, lag, 0));
  EXPECT_TRUE(load.Finish());
  cluster_.Continue(follower);
  EXPECT_TRUE(Becomes([&] { return At(leader_, lag) == 0; }));
}

TEST_F(ClusterMetrics, ElectionsAndLeadersAreCounted) {
  const std::string won = "raftmq_raft_elections_total{result=\"won\"}";
  EXPECT_TRUE(Becomes([&] { return Sum(won) >= 1; }));
  // The catalogue's is the other.
  EXPECT_TRUE(Becomes([&] { return Sum("raftmq_raft_is_leader_partitions") == 2; }));
  const std::vector<NodeId> others = cluster_.Others(leader_);
  const double before = At(others.front(), won);
  ASSERT_TRUE(client_.TransferLeader("orders", 0, others.front().value()));
  EXPECT_TRUE(Rises(others.front(), won, before));
  EXPECT_TRUE(Becomes([&] { return At(leader_, "raftmq_cluster_leaderless_partitions") == 0; }));
  for (const NodeId other : others) cluster_.Kill(other);
  EXPECT_TRUE(Rises(leader_, "raftmq_cluster_leaderless_partitions", 0));
}

TEST_F(ClusterMetrics, EachIsInTheReference) {
  std::ifstream file(METRICS_REFERENCE);
  const std::string reference{std::istreambuf_iterator<char>(file), {}};
  std::istringstream page(HttpGet(cluster_.process(leader_).http(), "/metrics").body);
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("# TYPE raftmq_")) continue;
    const std::string name = line.substr(7, line.rfind(' ') - 7);
    const bool is_everywhere = name == "raftmq_build_info" || name == "raftmq_uptime_seconds";
    const bool is_listed = reference.find("`" + name + "`") != std::string::npos ||
                           reference.find("`" + name + "{") != std::string::npos;
    EXPECT_TRUE(is_everywhere || is_listed) << name;
  }
}

}  // namespace
}  // namespace raftmq::testing
