#include "protocol/client/metadata_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace raftmq::internal {
namespace {

// No topic has that many; a reply that claims more is not believed.
constexpr std::uint32_t kPartitionsMax = 1u << 20;

}  // namespace

void MetadataCache::Merge(const wire::MetadataReply& reply, Microseconds now) {
  for (const wire::NodeInfo& node : reply.nodes) nodes_[node.node] = {node.host, node.port};
  for (const wire::TopicInfo& topic : reply.topics) {
    if (topic.error.code == ErrorCode::kOk) {
      MergeTopic(topic, reply.answering, now);
    } else if (topic.error.code == ErrorCode::kTopicNotFound) {
      topics_.erase(topic.name);
    }
  }
}

void MetadataCache::MergeTopic(const wire::TopicInfo& info, NodeId answering, Microseconds now) {
  Topic& topic = topics_[info.name];
  if (topic.id != info.id) topic = Topic{.id = info.id};  // Deleted and created again.
  topic.updated = now;
  for (const wire::PartitionInfo& seen : info.partitions) {
    const std::uint32_t number = seen.partition.value();
    if (number >= kPartitionsMax) continue;
    if (number >= topic.partitions.size()) topic.partitions.resize(number + 1);
    Partition& partition = topic.partitions[number];
    partition.shards[answering] = seen.shard;
    partition.replicas.clear();
    for (const wire::ReplicaInfo& replica : seen.replicas)
      partition.replicas.push_back(replica.node);
    if (seen.term < partition.term) continue;
    partition.term = seen.term;
    partition.leader = seen.leader;
  }
}

Result<TopicSummary> MetadataCache::FindTopic(const std::string& topic) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) {
    return Fail(ErrorCode::kTopicNotFound, fmt::format("no topic named '{}'", topic));
  }
  return TopicSummary{found->second.id,
                      static_cast<std::uint32_t>(found->second.partitions.size())};
}

Result<Route> MetadataCache::RouteTo(const std::string& topic, std::uint32_t number,
                                     NodeId replica) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) {
    return Fail(ErrorCode::kTopicNotFound, fmt::format("no topic named '{}'", topic));
  }
  if (number >= found->second.partitions.size()) {
    return Fail(ErrorCode::kPartitionNotFound,
                fmt::format("topic '{}' has partitions 0 to {}, not {}", topic,
                            found->second.partitions.size() - 1, number));
  }
  const Partition& partition = found->second.partitions[number];
  const NodeId wanted = replica == NodeId() ? partition.leader : replica;
  if (replica != NodeId()) {
    wanted_.insert(replica);
    if (std::ranges::find(partition.replicas, replica) == partition.replicas.end()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("node {} holds no replica of {}/{}", replica.value(), topic, number));
    }
  }
  const auto node = nodes_.find(wanted);
  const auto shard = partition.shards.find(wanted);
  if (node == nodes_.end() || shard == partition.shards.end()) {
    const std::string what =
        wanted == NodeId()
            ? std::string("no leader is known")
            : fmt::format("node {} does not say where it has its replica", wanted.value());
    return Fail(ErrorCode::kNotLeader, fmt::format("{}/{}: {}", topic, number, what));
  }
  return Route{.group = {found->second.id, PartitionNumber(number)},
               .node = wanted,
               .address = node->second,
               .shard = shard->second};
}

bool MetadataCache::IsOlderThan(const std::string& topic, Microseconds now,
                                Milliseconds age) const {
  const auto found = topics_.find(topic);
  return found == topics_.end() || now - found->second.updated > age;
}

std::vector<Address> MetadataCache::OthersToAsk(const std::string& topic, NodeId answered) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return {};
  std::set<Address> others;
  const auto ask = [&](NodeId id) {
    const auto node = nodes_.find(id);
    if (node != nodes_.end() && id != answered) others.insert(node->second);
  };
  for (const Partition& partition : found->second.partitions) {
    ask(partition.leader);
    // Who answered may be cut off from the others, who have a leader.
    if (partition.leader == NodeId()) std::ranges::for_each(partition.replicas, ask);
  }
  for (const NodeId node : wanted_) ask(node);
  return {others.begin(), others.end()};
}

bool MetadataCache::KnowsShards(const std::string& topic) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return true;
  return std::ranges::all_of(found->second.partitions, [this](const Partition& partition) {
    const auto knows = [&partition](NodeId node) {
      return node == NodeId() || partition.shards.contains(node);
    };
    return knows(partition.leader) && std::ranges::all_of(wanted_, knows);
  });
}

std::vector<Address> MetadataCache::Addresses() const {
  std::vector<Address> all;
  for (const auto& [node, address] : nodes_) all.push_back(address);
  return all;
}

}  // namespace raftmq::internal
