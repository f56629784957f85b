// Metadata: answered by every shard from its picture of the catalogue and the partitions' numbers.
#include <fmt/format.h>

#include <algorithm>

#include "broker/handlers.h"
#include "broker/session.h"
#include "broker/shard.h"
#include "broker/topic_service.h"
#include "protocol/types/nearest.h"

namespace raftmq::broker {
namespace {

constexpr std::size_t kTopicsAskedMax = 10'000;

wire::PartitionInfo Describe(NodeId self, const ViewPartition& partition) {
  const PartitionStats& stats = *partition.stats;
  wire::PartitionInfo info;
  info.partition = partition.group.partition;
  info.leader = NodeId(static_cast<std::uint32_t>(stats.leader.value()));
  // Who holds no replica knows no better than the placement.
  if (std::ranges::find(partition.replicas, self) == partition.replicas.end())
    info.leader = partition.replicas.front();
  info.shard = partition.shard;
  info.term = Term(stats.term.value());
  info.log_start = Offset(stats.log_start.value());
  info.end = Offset(stats.end.value());
  info.size_bytes = stats.size_bytes.value();
  std::uint64_t bit = 1;
  for (const NodeId node : partition.replicas) {
    wire::ReplicaInfo replica{.node = node,
                              .role = static_cast<std::uint8_t>(node == info.leader ? 1 : 0),
                              .is_lost = (stats.lost.value() & bit) != 0};
    if ((stats.learners.value() & bit) != 0) replica.role = 2;
    bit <<= 1;
    if (node == self) {  // Of the others only they know.
      replica.end = info.end;
      replica.commit = info.end;
      replica.durable = Offset(stats.durable_end.value());
    }
    info.replicas.push_back(replica);
  }
  return info;
}

wire::TopicInfo Describe(NodeId self, const ViewTopic& topic) {
  wire::TopicInfo info;
  info.name = topic.name;
  info.id = topic.id;
  info.settings = topic.settings;
  for (const ViewPartition& partition : topic.partitions)
    info.partitions.push_back(Describe(self, partition));
  return info;
}

wire::TopicInfo Unknown(const CatalogueView& view, const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto& [known, topic] : view.topics) names.push_back(known);
  wire::TopicInfo info;
  info.name = name;
  info.error = {
      ErrorCode::kTopicNotFound,
      fmt::format("there is no topic '{}'{}", name.substr(0, 200), DidYouMean(name, names))};
  return info;
}

wire::MetadataReply Answer(Shard& shard, const std::vector<std::string>& asked) {
  const CatalogueView& view = shard.view();
  wire::MetadataReply reply;
  reply.cluster_id = shard.options().cluster_id;
  reply.answering = shard.options().node;
  reply.nodes = view.nodes;
  reply.metadata_leader = shard.topics().metadata_leader();
  reply.nodes_expected = static_cast<std::uint32_t>(shard.options().peers.size());
  if (asked.empty()) {
    for (const auto& [name, topic] : view.topics)
      reply.topics.push_back(Describe(reply.answering, *topic));
    return reply;
  }
  for (const std::string& name : asked) {
    const auto found = view.topics.find(name);
    reply.topics.push_back(found == view.topics.end() ? Unknown(view, name)
                                                      : Describe(reply.answering, *found->second));
  }
  return reply;
}

std::vector<std::string> MissingOf(const CatalogueView& view,
                                   const std::vector<std::string>& asked) {
  std::vector<std::string> missing;
  for (const std::string& name : asked) {
    if (!view.topics.contains(name) && CheckTopicName(name)) missing.push_back(name);
  }
  std::ranges::sort(missing);
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  return missing;
}

// --dev: creates what is asked for and not there, then answers with whatever came of it.
void CreateThenAnswer(Session& session, const std::shared_ptr<Responder>& responder,
                      const std::vector<std::string>& missing,
                      const std::vector<std::string>& asked) {
  Shard& shard = session.shard();
  auto left = std::make_shared<std::size_t>(missing.size());
  for (const std::string& name : missing) {
    shard.topics().CreateTopic(shard, {.name = name},
                               [&shard, left, responder, asked](const Result<TopicId>&) {
                                 if (--*left == 0) responder->Reply(Answer(shard, asked));
                               });
  }
}

}  // namespace

void HandleMetadata(Session& session, std::uint64_t id, const wire::MetadataRequest& request) {
  Shard& shard = session.shard();
  auto responder = session.MakeResponder(id, Api::kMetadata, 0);
  if (request.topics.size() > kTopicsAskedMax) {
    return responder->Refuse(
        {ErrorCode::kBadRequest, fmt::format("expected at most {} topics, found {}",
                                             kTopicsAskedMax, request.topics.size())});
  }
  // It would say that there are no topics, and speak for nobody.
  if (shard.view().nodes.empty() && shard.services().peers.is_turned_away()) {
    return responder->Refuse(
        {ErrorCode::kNotYet,
         fmt::format("node {} knows nothing of the cluster, and others turn it away: ask another "
                     "node, and see its log",
                     shard.options().node.value())});
  }
  if (shard.options().auto_create_topics) {
    const auto missing = MissingOf(shard.view(), request.topics);
    if (!missing.empty()) return CreateThenAnswer(session, responder, missing, request.topics);
  }
  responder->Reply(Answer(shard, request.topics));
}

}  // namespace raftmq::broker
