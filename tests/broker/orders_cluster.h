// What tests of one partition start from.
#pragma once

#include <gtest/gtest.h>

#include <iostream>

#include "tests/broker/cluster_fixture.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::testing {

// Brokers, a client, and the topic "orders" of one partition, whose first leader is known. If a
// test fails, the brokers' logs are printed.
class OrdersCluster : public ::testing::Test {
 protected:
  explicit OrdersCluster(const ClusterProcess::Options& options = {}) : cluster_(options) {}
  void SetUp() override {
    MakeTopic(cluster_, client_, "orders");
    leader_ = cluster_.WaitForLeader("orders");
  }
  void TearDown() override {
    if (HasFailure()) std::cout << cluster_.Logs();
  }

  ClusterProcess cluster_;
  Client client_ = ConnectTo(cluster_);
  NodeId leader_;  // When the test began.
};

}  // namespace raftmq::testing
