// A broker that was cut off from the others, but not from its clients, comes back: it must not have
// raised its term, and no producer may notice. RAFTMQ_ISOLATIONS: how often (3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "tests/broker/cluster_fixture.h"
#include "tests/broker/cluster_history.h"
#include "tests/broker/cluster_load.h"
#include "tests/broker/cluster_process.h"
#include "tests/broker/peer_network.h"

namespace raftmq::testing {
namespace {

using ::testing::IsEmpty;

constexpr std::chrono::milliseconds kAboveElectionTimeout{1'500};  // raft_timers.h

int Isolations() {
  const char* const isolations = std::getenv("RAFTMQ_ISOLATIONS");
  return isolations != nullptr ? std::atoi(isolations) : 3;
}

TEST(ClusterIsolation, AFollowerThatWasCutOffDisturbsNobodyWhenItReturns) {
  PeerNetwork network(ClusterProcess::nodes());
  ClusterProcess cluster({.network = &network});
  Client client = ConnectTo(cluster);
  MakeTopic(cluster, client, "orders");
  const NodeId leader = cluster.WaitForLeader("orders");
  const Term term = cluster.WaitForTerm("orders");
  checker::HistoryRecorder history;
  Load load(client, history, {.topic = "orders"});
  for (int round = 0; round < Isolations(); ++round) {
    const NodeId follower =
        cluster.Others(leader).at(static_cast<std::size_t>(round) % (ClusterProcess::kNodes - 1));
    EXPECT_TRUE(load.WaitForAcks(100));
    network.Isolate(follower);
    std::this_thread::sleep_for(kAboveElectionTimeout);
    EXPECT_TRUE(load.WaitForAcks(100));
    network.Heal();
    const Offset end = cluster.DurableEnd(leader, "orders");
    EXPECT_TRUE(Becomes([&] { return cluster.DurableEnd(follower, "orders") >= end; }));
    EXPECT_EQ(cluster.WaitForTerm("orders"), term);
  }
  EXPECT_TRUE(load.Finish());
  EXPECT_THAT(load.errors(), IsEmpty());
  EXPECT_TRUE(IsConsistent(cluster, client, "orders", history));
  std::cout << "longest pause between acks " << load.longest_pause().count() << " ms\n";
  if (::testing::Test::HasFailure()) std::cout << cluster.Logs();
}

}  // namespace
}  // namespace raftmq::testing
