// What every shard knows of the catalogue: an immutable picture, and beside it the few numbers per
// partition that their shards keep up to date.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/topic_settings.h"
#include "protocol/types/counter.h"
#include "protocol/types/ids.h"
#include "protocol/wire/messages.h"

namespace raftmq::broker {

// Of one replica on this node. Written by the partition's shard whenever its commit moves and
// before any ack of it leaves; read by every shard that answers metadata.
struct PartitionStats {
  Counter leader;  // Node id; 0 = none known.
  Counter term;
  Counter log_start;
  Counter end;
  Counter durable_end;
  Counter size_bytes;
  // One bit for each replica placed, in that order, the first 64.
  Counter learners;
  Counter lost;  // No members of the group, or not to be opened here.
};

struct ViewPartition {
  GroupId group;
  std::uint32_t shard = 0;
  std::vector<NodeId> replicas;
  std::shared_ptr<PartitionStats> stats;
};

struct ViewTopic {
  std::string name;
  TopicId id;
  std::map<std::string, std::string> settings;  // As set.
  TopicSettings effective;
  std::vector<ViewPartition> partitions;  // By number.
};

// Immutable once published.
struct CatalogueView {
  std::vector<wire::NodeInfo> nodes;
  std::map<std::string, std::shared_ptr<const ViewTopic>, std::less<>> topics;
  std::map<TopicId, std::shared_ptr<const ViewTopic>> by_id;  // The same ones.
};

// Which shard of this node serves a group: a hash, never stored, so that the number of shards may
// change between starts.
std::uint32_t ShardOf(const GroupId& group, std::uint32_t shards);

}  // namespace raftmq::broker
