// What the tests of a cluster share: a client of its brokers and a topic.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "raftmq/client.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::testing {

// Prints its seed. `retry_after`: the shortest pause before it tries again.
Client ConnectTo(const ClusterProcess& cluster,
                 std::chrono::milliseconds retry_after = std::chrono::milliseconds(10));

// Creates a topic with a replica on each node and waits for its leaders. It keeps everything,
// unless `settings` say otherwise.
void MakeTopic(const ClusterProcess& cluster, Client& client, const std::string& name,
               std::uint32_t partitions = 1, std::map<std::string, std::string> settings = {});

}  // namespace raftmq::testing
