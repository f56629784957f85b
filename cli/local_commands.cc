#include <fmt/format.h>
#include <fmt/ranges.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/local_cluster.h"
#include "cli/output.h"

namespace raftmq::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kStopTimeout{60};
constexpr std::chrono::seconds kPauseTimeout{10};

constexpr std::uint32_t kNodesMax = 7;

std::string_view NameOf(ProcessState state) {
  switch (state) {
    case ProcessState::kRunning:
      return "running";
    case ProcessState::kPaused:
      return "paused";
    case ProcessState::kStopped:
      return "stopped";
  }
  return "stopped";
}

void PrintStatus(const LocalCluster& cluster, OutputFormat format) {
  json list = json::array();
  Table table({"NODE", "PID", "STATE", "CLIENT", "PEER", "HTTP", "DATA"});
  for (const auto& node : cluster.nodes()) {
    const auto state = cluster.StateOfNode(node);
    const pid_t pid = state == ProcessState::kStopped ? 0 : node.pid;
    list.push_back({{"node", node.node},
                    {"pid", pid},
                    {"state", NameOf(state)},
                    {"client", node.client},
                    {"peer", node.peer},
                    {"http", node.http},
                    {"data", node.data}});
    table.AddRow({std::to_string(node.node), std::to_string(pid), std::string(NameOf(state)),
                  node.client, node.peer, node.http, node.data});
  }
  Output out;
  out.Write(format == OutputFormat::kJson ? list.dump() + "\n" : table.ToString());
}

// Starts it, continues it, or leaves it alone, by its state.
int BringUp(LocalCluster& cluster, LocalNode& node) {
  const auto state = cluster.StateOfNode(node);
  if (state == ProcessState::kRunning) return kExitOk;
  if (state == ProcessState::kPaused) {
    const auto continued = SendSignal(node.pid, SIGCONT);
    return continued ? kExitOk : ReportError("cannot continue", continued.error());
  }
  int exit_code = 0;
  const auto started = cluster.Start(node, &exit_code);
  if (started) return kExitOk;
  ReportError(fmt::format("cannot start broker {}", node.node), started.error());
  return exit_code != 0 ? exit_code : kExitUnreachable;
}

// Ends one broker by `signal` and waits until it is gone.
int End(const LocalCluster& cluster, const LocalNode& node, int signal) {
  const auto state = cluster.StateOfNode(node);
  if (state == ProcessState::kStopped) return kExitOk;
  auto done = SendSignal(node.pid, signal);
  if (done && state == ProcessState::kPaused)
    done = SendSignal(node.pid, SIGCONT);  // Or it could not act on it.
  if (done) done = WaitUntilGone(node.pid, kStopTimeout);
  return done ? kExitOk : ReportError(fmt::format("cannot end broker {}", node.node), done.error());
}

// Loads the cluster and the node that the arguments name, then acts.
template <class Act>
int OnNode(const LocalArguments& arguments, Act act) {
  auto cluster = LocalCluster::Load(arguments.directory);
  if (!cluster) return ReportError("cannot find the cluster", cluster.error());
  const auto node = cluster->Find(arguments.node);
  if (!node) return ReportError("cannot find the node", node.error());
  return act(*cluster, **node);
}

}  // namespace

int LocalUp(const GlobalArguments& global, const LocalArguments& arguments) {
  if (arguments.nodes == 0 || arguments.nodes > kNodesMax) {
    return ReportError("cannot start", {ErrorCode::kInvalidArgument,
                                        fmt::format("expected -n from 1 to {}, found {}", kNodesMax,
                                                    arguments.nodes)});
  }
  auto cluster = LocalCluster::Load(arguments.directory);
  if (!cluster && cluster.error().code == ErrorCode::kNotFound)
    cluster = LocalCluster::Create(arguments.directory, arguments.nodes);
  if (!cluster) return ReportError("cannot start", cluster.error());
  if (cluster->nodes().size() != arguments.nodes) {
    return ReportError(
        "cannot start",
        {ErrorCode::kInvalidArgument,
         fmt::format("'{}' holds a cluster of {}, found -n {}; use another --dir",
                     arguments.directory, cluster->nodes().size(), arguments.nodes)});
  }
  for (std::uint32_t number = 1; number <= arguments.nodes; ++number) {
    if (const int code = BringUp(*cluster, **cluster->Find(number)); code != kExitOk) return code;
  }
  Output out;
  const auto addresses = fmt::format("{}", fmt::join(cluster->ClientAddresses(), ","));
  out.Write(global.format == OutputFormat::kJson
                ? json{{"brokers", cluster->ClientAddresses()}}.dump() + "\n"
                : fmt::format("brokers={}\n", addresses));
  return kExitOk;
}

int LocalStatus(const GlobalArguments& global, const LocalArguments& arguments) {
  const auto cluster = LocalCluster::Load(arguments.directory);
  if (!cluster) return ReportError("cannot find the cluster", cluster.error());
  PrintStatus(*cluster, global.format);
  return kExitOk;
}

int LocalStop(const GlobalArguments&, const LocalArguments& arguments) {
  return OnNode(arguments, [](const LocalCluster& cluster, const LocalNode& node) {
    return End(cluster, node, SIGTERM);
  });
}

int LocalKill(const GlobalArguments&, const LocalArguments& arguments) {
  return OnNode(arguments, [](const LocalCluster& cluster, const LocalNode& node) {
    return End(cluster, node, SIGKILL);
  });
}

int LocalPause(const GlobalArguments&, const LocalArguments& arguments) {
  return OnNode(arguments, [](const LocalCluster& cluster, const LocalNode& node) -> int {
    if (cluster.StateOfNode(node) == ProcessState::kStopped) {
      return ReportError("cannot pause", {ErrorCode::kNotFound,
                                          fmt::format("broker {} is not running", node.node)});
    }
    auto paused = SendSignal(node.pid, SIGSTOP);
    if (paused) paused = WaitUntilPaused(node.pid, kPauseTimeout);
    return paused ? kExitOk : ReportError("cannot pause", paused.error());
  });
}

int LocalStart(const GlobalArguments&, const LocalArguments& arguments) {
  return OnNode(arguments,
                [](LocalCluster& cluster, LocalNode& node) { return BringUp(cluster, node); });
}

int LocalDown(const GlobalArguments&, const LocalArguments& arguments) {
  const auto cluster = LocalCluster::Load(arguments.directory);
  if (!cluster) return ReportError("cannot find the cluster", cluster.error());
  int worst = kExitOk;
  for (const auto& node : cluster->nodes()) worst = std::max(worst, End(*cluster, node, SIGTERM));
  return worst;
}

}  // namespace raftmq::cli
