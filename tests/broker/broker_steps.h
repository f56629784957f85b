// What almost every test of the broker does, in the words of the test.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/broker/wire_client.h"

namespace raftmq::testing {

// Creates a topic and returns its id.
TopicId CreateTopic(WireClient& client, const std::string& name, std::uint32_t partitions = 1,
                    const std::map<std::string, std::string>& settings = {});
wire::TopicInfo Describe(WireClient& client, const std::string& topic);
// Which shard serves the partition.
std::uint32_t ShardOf(WireClient& client, const std::string& topic, std::uint32_t partition = 0);
GroupId GroupOf(WireClient& client, const std::string& topic, std::uint32_t partition = 0);
// Produces one batch and returns its base offset.
Offset Produce(WireClient& client, const GroupId& group, const std::vector<std::string>& values);
// Fetches from `offset` to the end seen at the first answer.
std::vector<std::string> ReadAll(WireClient& client, const GroupId& group, Offset offset = {});

// A topic with one partition and a client connected to its shard.
struct TopicClient {
  TopicClient(const Address& broker, const std::string& topic,
              const std::map<std::string, std::string>& settings = {});
  WireClient control;
  GroupId group;
  WireClient client;
};

}  // namespace raftmq::testing
