#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/exit_code.h"
#include "cli/output.h"

namespace raftmq::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookAgain{200};

// Of one node's replicas.
struct Progress {
  bool has_answered = false;  // The node itself.
  std::size_t replicas = 0, lost = 0, joining = 0;
  bool IsDone() const { return has_answered && lost == 0 && joining == 0; }
};

Progress ProgressOf(const ClusterDescription& cluster, std::uint32_t wanted) {
  Progress progress;
  for (const auto& node : cluster.nodes) {
    if (node.node == wanted) progress.has_answered = node.has_answered;
  }
  for (const auto& topic : cluster.topics) {
    for (const auto& partition : topic.partitions) {
      for (const auto& replica : partition.replicas) {
        if (replica.node != wanted) continue;
        ++progress.replicas;
        if (replica.role == "lost") ++progress.lost;
        if (replica.role == "learner") ++progress.joining;
      }
    }
  }
  return progress;
}

std::string Text(std::uint32_t node, const Progress& progress) {
  return fmt::format("node {} {}: {} of {} replicas are back, {} joining, {} lost", node,
                     progress.has_answered ? "answers" : "does not answer yet",
                     progress.replicas - progress.lost - progress.joining, progress.replicas,
                     progress.joining, progress.lost);
}

// Looks until all is back or the time is over.
Result<Progress> Await(Client& client, std::uint32_t node, Clock::time_point deadline) {
  Result<Progress> last = Fail(ErrorCode::kTimeout, "nobody answered");
  do {
    const auto cluster = client.Survey();
    if (cluster) {
      last = ProgressOf(*cluster, node);
      if (IsProgressWanted()) DrawProgress(Text(node, *last));
      if (last->IsDone()) break;
    } else if (!last) {
      last = Fail(cluster.error());
    }
    std::this_thread::sleep_for(kLookAgain);
  } while (Clock::now() < deadline);
  if (IsProgressWanted()) DrawProgress("");
  return last;
}

int Print(const GlobalArguments& global, std::uint32_t node, const Progress* progress) {
  Output out;
  if (global.format == OutputFormat::kJson) {
    json document{{"node", node}, {"replaced", true}};
    if (progress != nullptr) {
      document["answers"] = progress->has_answered;
      document["replicas"] = progress->replicas;
      document["lost_replicas"] = progress->lost;
      document["joining_replicas"] = progress->joining;
    }
    out.Write(document.dump() + "\n");
  } else if (progress != nullptr) {
    out.Write(Text(node, *progress) + "\n");
  } else {
    out.Write(fmt::format(
        "node {0} is to be replaced: the data directory that it had will never count again\n"
        "start it with an empty one; `raftmq cluster health --wait` tells when its replicas are "
        "back\n",
        node));
  }
  return progress == nullptr || progress->IsDone() ? kExitOk : kExitUnhealthy;
}

}  // namespace

int NodeReplace(const GlobalArguments& global, const NodeReplaceArguments& arguments) {
  const auto deadline = Clock::now() + global.timeout.value_or(kDefaultTimeout);
  const auto question = fmt::format(
      "Is the data directory of node {} gone for good, so that its replicas never count again?",
      arguments.node);
  if (!Confirm(question, arguments.yes)) return kExitUsage;
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const auto replaced = client->ReplaceNode(arguments.node);
  if (!replaced)
    return ReportError(fmt::format("cannot replace node {}", arguments.node), replaced.error());
  if (!arguments.wait) return Print(global, arguments.node, nullptr);
  const auto progress = Await(*client, arguments.node, deadline);
  if (!progress) return ReportError("cannot see its replicas", progress.error());
  return Print(global, arguments.node, &*progress);
}

}  // namespace raftmq::cli
