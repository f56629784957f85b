#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/scrub_output.h"

namespace raftmq::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookAgainAfter{200};

const NodeScrub* FindSilent(const std::vector<NodeScrub>& nodes) {
  const auto silent =
      std::ranges::find_if(nodes, [](const NodeScrub& node) { return node.error.has_value(); });
  return silent == nodes.end() ? nullptr : &*silent;
}

bool IsAnyRunning(const std::vector<NodeScrub>& nodes) {
  return std::ranges::any_of(nodes, [](const NodeScrub& node) { return node.running; });
}

// Whoever did not answer may have damage, too.
int ExitCodeFor(const std::vector<NodeScrub>& nodes) {
  const auto is_well = [](const NodeScrub& node) { return !node.error && node.damage_open == 0; };
  return std::ranges::all_of(nodes, is_well) ? kExitOk : kExitUnhealthy;
}

void Print(const std::vector<NodeScrub>& nodes, OutputFormat format) {
  for (const NodeScrub& node : nodes) {
    if (node.error)
      fmt::print(stderr, "raftmq: node {} does not answer: {}\n", node.node,
                 node.error->ToString());
  }
  Output out;
  out.Write(format == OutputFormat::kJson ? ScrubJson(nodes).dump() + "\n" : ScrubText(nodes));
}

void DrawPasses(const std::vector<NodeScrub>& nodes) {
  if (!IsProgressWanted()) return;
  std::string text;
  for (const NodeScrub& node : nodes)
    text += node.error ? fmt::format("node {}: no answer  ", node.node)
                       : fmt::format("node {}: {} %  ", node.node, ScrubPercent(node));
  DrawProgress(text);
}

// Until nobody reads any more, or the time is over. A node that falls silent meanwhile is asked
// again: it may be back.
Result<std::vector<NodeScrub>> WaitForEnd(Client& client, std::uint32_t node,
                                          std::optional<std::chrono::milliseconds> timeout) {
  const auto deadline = timeout ? Clock::now() + *timeout : Clock::time_point::max();
  while (true) {
    auto nodes = client.ScrubStatus(node);
    if (!nodes) return nodes;
    if (!IsAnyRunning(*nodes) && FindSilent(*nodes) == nullptr) {
      if (IsProgressWanted()) DrawProgress("");
      return nodes;
    }
    if (Clock::now() >= deadline)
      return Fail(ErrorCode::kTimeout, "the nodes still read, or do not answer; they go on");
    DrawPasses(*nodes);
    std::this_thread::sleep_for(kLookAgainAfter);
  }
}

}  // namespace

int ScrubStart(const GlobalArguments& global, const ScrubArguments& arguments) {
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  auto nodes = client->StartScrub(arguments.node);
  if (!nodes) return ReportError("cannot start a scrub", nodes.error());
  if (const NodeScrub* silent = FindSilent(*nodes))
    return ReportError(fmt::format("cannot start a scrub on node {}", silent->node),
                       *silent->error);
  if (!arguments.wait) {
    Print(*nodes, global.format);
    return kExitOk;
  }
  nodes = WaitForEnd(*client, arguments.node, global.timeout);
  if (!nodes) return ReportError("cannot wait for the scrub", nodes.error());
  Print(*nodes, global.format);
  return ExitCodeFor(*nodes);
}

int ScrubStatus(const GlobalArguments& global, const ScrubArguments& arguments) {
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const auto nodes = client->ScrubStatus(arguments.node);
  if (!nodes) return ReportError("cannot ask the scrubbers", nodes.error());
  Print(*nodes, global.format);
  return ExitCodeFor(*nodes);
}

}  // namespace raftmq::cli
