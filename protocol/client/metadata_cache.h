// What the client knows of the cluster: topics, leaders, and on which shard of a node a partition
// lives. Pure: fed with replies, asked for routes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "protocol/net/address.h"
#include "protocol/types/clock.h"
#include "protocol/types/ids.h"
#include "protocol/wire/messages.h"
#include "raftmq/result.h"

namespace raftmq::internal {

// Where a partition's leader is reached.
struct Route {
  GroupId group;
  NodeId leader;
  Address address;
  std::uint32_t shard = 0;
};
struct TopicSummary {
  TopicId id;
  std::uint32_t partitions = 0;
};

// Not thread-safe.
class MetadataCache {
 public:
  // Takes a reply in. Of two leaders the one with the higher term is believed. A topic that the
  // reply says is missing is forgotten.
  void Merge(const wire::MetadataReply& reply, Microseconds now);

  // kTopicNotFound if the topic is not known (yet).
  Result<TopicSummary> FindTopic(const std::string& topic) const;
  // Errors: kTopicNotFound, kPartitionNotFound, kNotLeader (no leader, or not known where it is).
  Result<Route> RouteTo(const std::string& topic, std::uint32_t partition) const;
  bool IsOlderThan(const std::string& topic, Microseconds now, Milliseconds age) const;

  // Leaders of the topic's partitions other than `answered`: which shard a partition lives on only
  // its own node can tell.
  std::vector<Address> OtherLeaders(const std::string& topic, NodeId answered) const;
  // False if a leader is known, but not on which of its shards a partition lives.
  bool KnowsShards(const std::string& topic) const;
  std::vector<Address> Addresses() const;  // Of all nodes.

 private:
  struct Partition {
    NodeId leader;
    Term term;
    std::map<NodeId, std::uint32_t> shards;  // As each node told of itself.
  };
  struct Topic {
    TopicId id;
    Microseconds updated{0};
    std::vector<Partition> partitions;
  };

  void MergeTopic(const wire::TopicInfo& info, NodeId answering, Microseconds now);

  std::map<std::string, Topic> topics_;
  std::map<NodeId, Address> nodes_;
};

}  // namespace raftmq::internal
