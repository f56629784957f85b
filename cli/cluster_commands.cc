#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/partition_output.h"

namespace raftmq::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kHealthRetry{100};

struct Health {
  std::size_t nodes_expected = 0, partitions = 0, leaderless = 0;
  std::size_t lost = 0, joining = 0;  // Replicas.
  std::uint32_t metadata_leader = 0;
  std::vector<std::uint32_t> answering;
  std::vector<std::string> silent;  // "node 3 (127.0.0.1:7440)"
  std::size_t absent() const { return nodes_expected - answering.size() - silent.size(); }
  bool IsHealthy() const {
    return answering.size() == nodes_expected && metadata_leader != 0 && leaderless == 0 &&
           lost == 0 && joining == 0;
  }
};

Health HealthOf(const ClusterDescription& cluster) {
  Health health;
  health.nodes_expected = std::max<std::size_t>(cluster.nodes_expected, cluster.nodes.size());
  health.metadata_leader = cluster.metadata_leader;
  for (const auto& node : cluster.nodes) {
    if (node.has_answered) {
      health.answering.push_back(node.node);
    } else {
      health.silent.push_back(fmt::format("node {} ({}:{})", node.node, node.host, node.port));
    }
  }
  for (const auto& topic : cluster.topics) {
    for (const auto& partition : topic.partitions) {
      ++health.partitions;
      if (partition.leader == 0) ++health.leaderless;
      health.lost += CountReplicas(partition, "lost");
      health.joining += CountReplicas(partition, "learner");
    }
  }
  return health;
}

json HealthJson(const Health& health) {
  return {{"healthy", health.IsHealthy()},
          {"nodes", health.answering.size()},
          {"nodes_expected", health.nodes_expected},
          {"metadata_leader", health.metadata_leader},
          {"partitions", health.partitions},
          {"leaderless_partitions", health.leaderless},
          {"lost_replicas", health.lost},
          {"joining_replicas", health.joining}};
}

std::string HealthText(const Health& health) {
  std::string text =
      fmt::format("{}: {} of {} node{} answer, {}, {} partition{}, {} without a leader\n",
                  health.IsHealthy() ? "healthy" : "unhealthy", health.answering.size(),
                  health.nodes_expected, health.nodes_expected == 1 ? "" : "s",
                  health.metadata_leader == 0
                      ? "nobody leads the metadata"
                      : fmt::format("node {} leads the metadata", health.metadata_leader),
                  health.partitions, health.partitions == 1 ? "" : "s", health.leaderless);
  if (health.lost + health.joining > 0)
    text += fmt::format("{} replicas are lost, {} are joining\n", health.lost, health.joining);
  for (const std::string& node : health.silent) text += node + " does not answer\n";
  if (health.absent() > 0) text += fmt::format("{} more have not joined yet\n", health.absent());
  return text;
}

void PrintHealth(const Health& health, OutputFormat format) {
  Output out;
  out.Write(format == OutputFormat::kJson ? HealthJson(health).dump() + "\n" : HealthText(health));
}

}  // namespace

int ClusterInfo(const GlobalArguments& global) {
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const auto cluster = client->Survey();
  if (!cluster) return ReportError("cannot describe the cluster", cluster.error());
  const Health health = HealthOf(*cluster);
  Output out;
  if (global.format == OutputFormat::kJson) {
    json nodes = json::array();
    for (const auto& node : cluster->nodes)
      nodes.push_back({{"node", node.node},
                       {"host", node.host},
                       {"port", node.port},
                       {"answers", node.has_answered}});
    out.Write(json{{"cluster_id", cluster->cluster_id},
                   {"nodes", std::move(nodes)},
                   {"nodes_expected", health.nodes_expected},
                   {"metadata_leader", health.metadata_leader},
                   {"topics", cluster->topics.size()},
                   {"partitions", health.partitions},
                   {"leaderless_partitions", health.leaderless}}
                  .dump() +
              "\n");
    return kExitOk;
  }
  out.Write(fmt::format("cluster     {}\ntopics      {}\npartitions  {} ({} without a leader)\n\n",
                        cluster->cluster_id, cluster->topics.size(), health.partitions,
                        health.leaderless));
  Table table({"NODE", "ADDRESS", "ANSWERS", "METADATA"});
  for (const auto& node : cluster->nodes) {
    table.AddRow({std::to_string(node.node), fmt::format("{}:{}", node.host, node.port),
                  node.has_answered ? "yes" : "no",
                  node.node == health.metadata_leader ? "leads" : ""});
  }
  out.Write(table.ToString());
  return kExitOk;
}

int ClusterHealth(const GlobalArguments& global, const HealthArguments& arguments) {
  const auto deadline = Clock::now() + global.timeout.value_or(kDefaultTimeout);
  std::optional<Health> last;
  Error error{ErrorCode::kTimeout, "nobody answered"};
  do {
    GlobalArguments once = global;
    once.timeout =
        std::max(std::chrono::milliseconds(1),
                 std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()));
    auto client = Connect(once);
    const auto cluster =
        client ? client->Survey() : Result<ClusterDescription>(Fail(client.error()));
    if (cluster) {
      last = HealthOf(*cluster);
      if (last->IsHealthy() || !arguments.wait) break;
    } else {
      error = cluster.error();
      if (!arguments.wait) return ReportError("cannot reach the cluster", error);
    }
    std::this_thread::sleep_for(kHealthRetry);
  } while (Clock::now() < deadline);
  if (!last) return ReportError("cannot reach the cluster", error);
  PrintHealth(*last, global.format);
  return last->IsHealthy() ? kExitOk : kExitUnhealthy;
}

}  // namespace raftmq::cli
