#include "protocol/client/describe.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "protocol/types/check.h"

namespace raftmq::internal {
namespace {

std::string_view RoleName(std::uint8_t role, bool is_lost) {
  if (is_lost) return "lost";
  constexpr std::string_view kNames[] = {"follower", "leader", "learner"};
  return role < std::size(kNames) ? kNames[role] : "unknown";
}

PartitionDescription Describe(const wire::PartitionInfo& info) {
  PartitionDescription partition{.partition = info.partition.value(),
                                 .leader = info.leader.value(),
                                 .term = info.term.value(),
                                 .log_start = info.log_start.value(),
                                 .end = info.end.value(),
                                 .size_bytes = info.size_bytes,
                                 .replicas = {}};
  for (const wire::ReplicaInfo& replica : info.replicas)
    partition.replicas.push_back({.node = replica.node.value(),
                                  .role = std::string(RoleName(replica.role, replica.is_lost))});
  return partition;
}

// Of two answers, which knows better who leads and where the end is.
struct Rank {
  Term term;
  bool is_leaders = false;
  Offset end;
  auto operator<=>(const Rank&) const = default;
};

Rank RankOf(const wire::PartitionInfo& info, NodeId answering) {
  return {info.term, info.leader == answering, info.end};
}

// The same partition, as every node that answered sees it.
PartitionDescription Merge(const std::vector<std::pair<NodeId, const wire::PartitionInfo*>>& seen) {
  const auto best = std::ranges::max_element(
      seen, {}, [](const auto& each) { return RankOf(*each.second, each.first); });
  PartitionDescription partition = Describe(*best->second);
  for (const auto& [answering, info] : seen) {
    for (const wire::ReplicaInfo& own : info->replicas) {
      if (own.node != answering) continue;
      for (auto& replica : partition.replicas) {
        if (replica.node != own.node.value()) continue;
        replica.end = own.end.value();
        replica.commit = own.commit.value();
        replica.durable = own.durable.value();
        if (own.is_lost) replica.role = RoleName(own.role, own.is_lost);
      }
    }
  }
  return partition;
}

TopicDescription MergeTopic(const wire::TopicInfo& first,
                            const std::vector<wire::MetadataReply>& answers) {
  TopicDescription topic{
      .name = first.name, .id = first.id.ToHex(), .settings = first.settings, .partitions = {}};
  std::map<PartitionNumber, std::vector<std::pair<NodeId, const wire::PartitionInfo*>>> seen;
  for (const wire::MetadataReply& answer : answers) {
    for (const wire::TopicInfo& info : answer.topics) {
      if (info.id != first.id || info.error.code != ErrorCode::kOk) continue;
      for (const wire::PartitionInfo& partition : info.partitions)
        seen[partition.partition].emplace_back(answer.answering, &partition);
    }
  }
  for (const auto& [number, each] : seen) topic.partitions.push_back(Merge(each));
  return topic;
}

}  // namespace

Result<ClusterDescription> DescribeFrom(const std::vector<wire::MetadataReply>& answers) {
  RAFTMQ_CHECK(!answers.empty());
  const wire::MetadataReply& first = answers.front();
  ClusterDescription cluster{.cluster_id = first.cluster_id,
                             .nodes_expected = first.nodes_expected,
                             .metadata_leader = first.metadata_leader.value(),
                             .nodes = {},
                             .topics = {}};
  for (const wire::NodeInfo& node : first.nodes) {
    const bool answers_here =
        std::ranges::find(answers, node.node, &wire::MetadataReply::answering) != answers.end();
    cluster.nodes.push_back({.node = node.node.value(),
                             .host = node.host,
                             .port = node.port,
                             .has_answered = answers_here});
  }
  for (const wire::TopicInfo& topic : first.topics) {
    if (topic.error.code != ErrorCode::kOk) return Fail(topic.error);
    cluster.topics.push_back(MergeTopic(topic, answers));
  }
  return cluster;
}

}  // namespace raftmq::internal
