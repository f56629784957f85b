#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace raftmq::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kHealthRetry{100};

struct Health {
  std::size_t nodes = 0, partitions = 0, leaderless = 0;
  bool IsHealthy() const { return nodes > 0 && leaderless == 0; }
};

Health HealthOf(const ClusterDescription& cluster) {
  Health health;
  health.nodes = cluster.nodes.size();
  for (const auto& topic : cluster.topics) {
    for (const auto& partition : topic.partitions) {
      ++health.partitions;
      if (partition.leader == 0) ++health.leaderless;
    }
  }
  return health;
}

void PrintHealth(const Health& health, OutputFormat format) {
  Output out;
  if (format == OutputFormat::kJson) {
    out.Write(json{{"healthy", health.IsHealthy()},
                   {"nodes", health.nodes},
                   {"partitions", health.partitions},
                   {"leaderless_partitions", health.leaderless}}
                  .dump() +
              "\n");
  } else {
    out.Write(fmt::format("{}: {} node{}, {} partition{}, {} without a leader\n",
                          health.IsHealthy() ? "healthy" : "unhealthy", health.nodes,
                          health.nodes == 1 ? "" : "s", health.partitions,
                          health.partitions == 1 ? "" : "s", health.leaderless));
  }
}

}  // namespace

int ClusterInfo(const GlobalArguments& global) {
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const auto cluster = client->Describe();
  if (!cluster) return ReportError("cannot describe the cluster", cluster.error());
  const Health health = HealthOf(*cluster);
  Output out;
  if (global.format == OutputFormat::kJson) {
    json nodes = json::array();
    for (const auto& node : cluster->nodes)
      nodes.push_back({{"node", node.node}, {"host", node.host}, {"port", node.port}});
    out.Write(json{{"cluster_id", cluster->cluster_id},
                   {"nodes", std::move(nodes)},
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
  Table table({"NODE", "ADDRESS"});
  for (const auto& node : cluster->nodes)
    table.AddRow({std::to_string(node.node), fmt::format("{}:{}", node.host, node.port)});
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
        client ? client->Describe() : Result<ClusterDescription>(Fail(client.error()));
    if (cluster) {
      last = HealthOf(*cluster);
      if (last->IsHealthy() || !arguments.wait) break;
    } else {
      error = cluster.error();
      if (!arguments.wait) return ReportError("cannot reach the cluster", error);
    }
    std::this_thread::sleep_for(kHealthRetry);
  } while (Clock::now() < deadline && !IsInterrupted());
  if (!last) return ReportError("cannot reach the cluster", error);
  PrintHealth(*last, global.format);
  return last->IsHealthy() ? kExitOk : kExitUnhealthy;
}

}  // namespace raftmq::cli
