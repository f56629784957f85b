// What the tests of a cluster share: a client of its three brokers and a topic.
#pragma once

#include <string>

#include "raftmq/client.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::testing {

// Prints its seed.
Client ConnectTo(const ClusterProcess& cluster);

// Creates a topic with a replica on each node and waits for its leaders.
void MakeTopic(const ClusterProcess& cluster, Client& client, const std::string& name,
               std::uint32_t partitions = 1);

}  // namespace raftmq::testing
