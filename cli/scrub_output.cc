#include "cli/scrub_output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace raftmq::cli {
namespace {

using nlohmann::json;

std::string StateOf(const NodeScrub& node) {
  if (!node.running) return "idle";
  return node.by_hand ? "running (started)" : "running";
}

std::string TimeText(std::int64_t ms) {
  if (ms == 0) return "never";
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(ms / 1000)));
}

// Null: never.
json TimeJson(std::int64_t ms) { return ms == 0 ? json() : json(ms); }

json NodeJson(const NodeScrub& node) {
  if (node.error) return {{"node", node.node}, {"error", node.error->ToString()}};
  json damage = json::array();
  for (const NodeScrub::Damage& one : node.damage)
    damage.push_back({{"where", one.where},
                      {"first_offset", one.first_offset},
                      {"end_offset", one.end_offset},
                      {"what", one.what}});
  return {{"node", node.node},
          {"state", node.running ? "running" : "idle"},
          {"started_by_hand", node.by_hand},
          {"progress_percent", ScrubPercent(node)},
          {"bytes_read", node.bytes_read},
          {"bytes_total", node.bytes_total},
          {"began_ms", TimeJson(node.began_ms)},
          {"last_full_pass_ended_ms", TimeJson(node.ended_ms)},
          {"passes", node.passes},
          {"damage_found", node.damage_found},
          {"damage_repaired", node.damage_repaired},
          {"damage_open", node.damage_open},
          {"damage", std::move(damage)}};
}

std::string DamageText(const NodeScrub& node) {
  std::string text;
  for (const NodeScrub::Damage& one : node.damage) {
    const bool is_file = one.first_offset == one.end_offset;
    text += fmt::format(
        "node {}: {}{}: {}\n", node.node, one.where,
        is_file ? ""
                : fmt::format(" is damaged at offsets {} to {}", one.first_offset, one.end_offset),
        one.what);
  }
  if (node.damage_open > node.damage.size())
    text += fmt::format("node {}: {} more\n", node.node, node.damage_open - node.damage.size());
  return text;
}

}  // namespace

int ScrubPercent(const NodeScrub& node) {
  if (!node.running && node.ended_ms != 0) return 100;
  if (node.bytes_total == 0) return 0;
  const double part = static_cast<double>(node.bytes_read) / static_cast<double>(node.bytes_total);
  // What runs is not at its end yet.
  return std::min(node.running ? 99 : 100, static_cast<int>(part * 100));
}

json ScrubJson(const std::vector<NodeScrub>& nodes) {
  json list = json::array();
  for (const NodeScrub& node : nodes) list.push_back(NodeJson(node));
  return list;
}

std::string ScrubText(const std::vector<NodeScrub>& nodes) {
  Table table({"NODE", "STATE", "DONE", "READ", "OF", "BEGAN", "LAST FULL PASS", "FOUND",
               "REPAIRED", "OPEN"});
  std::string damage;
  for (const NodeScrub& node : nodes) {
    if (node.error) {
      table.AddRow({std::to_string(node.node), "no answer", "", "", "", "", "", "", "", ""});
      continue;
    }
    table.AddRow({std::to_string(node.node), StateOf(node), fmt::format("{} %", ScrubPercent(node)),
                  HumanBytes(node.bytes_read), HumanBytes(node.bytes_total),
                  TimeText(node.began_ms), TimeText(node.ended_ms),
                  std::to_string(node.damage_found), std::to_string(node.damage_repaired),
                  std::to_string(node.damage_open)});
    damage += DamageText(node);
  }
  return table.ToString() + (damage.empty() ? "" : "\n" + damage);
}

}  // namespace raftmq::cli
