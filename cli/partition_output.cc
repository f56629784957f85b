#include "cli/partition_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace raftmq::cli {
namespace {

using nlohmann::json;

json OrNull(const std::optional<std::uint64_t>& number) { return number ? json(*number) : json(); }

}  // namespace

json PartitionJson(const PartitionDescription& partition) {
  json replicas = json::array();
  for (const auto& replica : partition.replicas) {
    replicas.push_back({{"node", replica.node},
                        {"role", replica.role},
                        {"end", OrNull(replica.end)},
                        {"commit", OrNull(replica.commit)},
                        {"durable", OrNull(replica.durable)}});
  }
  return {{"partition", partition.partition},
          {"leader", partition.leader},
          {"term", partition.term},
          {"log_start", partition.log_start},
          {"end", partition.end},
          {"replicas", std::move(replicas)}};
}

std::string ReplicaList(const PartitionDescription& partition) {
  std::string text;
  for (const auto& replica : partition.replicas) {
    if (!text.empty()) text += ",";
    text += std::to_string(replica.node) + (replica.durable ? "" : "?");
    if (replica.role == "lost") text += "!";
    if (replica.role == "learner") text += "+";
  }
  return text;
}

std::size_t CountReplicas(const PartitionDescription& partition, std::string_view role) {
  return static_cast<std::size_t>(
      std::ranges::count(partition.replicas, role, &PartitionDescription::Replica::role));
}

void WarnOfSilentNodes(const ClusterDescription& cluster) {
  for (const auto& node : cluster.nodes) {
    if (node.has_answered) continue;
    fmt::print(stderr,
               "raftmq: node {} ({}:{}) does not answer: its replicas are marked ?, null in JSON\n",
               node.node, node.host, node.port);
  }
}

}  // namespace raftmq::cli
