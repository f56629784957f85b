// What the client knows of the cluster: topics, leaders, and on which shard of a node a partition
// lives. Pure: fed with replies, asked for routes.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "protocol/net/address.h"
#include "protocol/types/clock.h"
#include "protocol/types/ids.h"
#include "protocol/wire/messages.h"
#include "raftmq/result.h"

namespace raftmq::internal {

// Where a partition's leader, or the replica that was asked for, is reached.
struct Route {
  GroupId group;
  NodeId node;
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
  // `replica` 0: to the leader. Errors: kTopicNotFound, kPartitionNotFound, kNotLeader (no leader,
  // or not known where it is: refresh), kInvalidArgument (that node has no replica).
  Result<Route> RouteTo(const std::string& topic, std::uint32_t partition, NodeId replica = {});
  bool IsOlderThan(const std::string& topic, Microseconds now, Milliseconds age) const;

  // Leaders of the topic's partitions (where none is known, all replicas), and replicas that were
  // asked for, other than `answered`: which shard a partition lives on only its own node can tell.
  std::vector<Address> OthersToAsk(const std::string& topic, NodeId answered) const;
  // False if one of these is known, but not on which of its shards a partition lives.
  bool KnowsShards(const std::string& topic) const;
  std::vector<Address> Addresses() const;  // Of all nodes.

 private:
  struct Partition {
    NodeId leader;
    Term term;
    std::vector<NodeId> replicas;
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
  std::set<NodeId> wanted_;  // Replicas that were asked for.
};

}  // namespace raftmq::internal
