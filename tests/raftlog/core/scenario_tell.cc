// What a scenario tells of its replicas, and what it expects of them.
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "tests/raftlog/core/scenario.h"

namespace raftmq {
namespace {

std::string Joined(const Fields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text += fmt::format(" {}={}", name, value);
  return text;
}

}  // namespace

Fields Scenario::FieldsOfNode(NodeId id) {
  if (!cluster_->IsUp(id)) return {{"role", "down"}};
  Fields fields = FieldsOf(cluster_->raft(id));
  if (!cluster_->reads(id).empty()) fields.push_back({"read", TextOf(cluster_->reads(id).back())});
  return fields;
}

Fields Scenario::FieldsOfCluster() {
  const NodeId leader = cluster_->Leader();
  return {{"leader", leader == NodeId(0) ? "none" : leader.ToString()},
          {"elections", std::to_string(cluster_->seen.elections)},
          {"cuts", std::to_string(cluster_->seen.truncations)},
          {"resets", std::to_string(cluster_->seen.resets)}};
}

void Scenario::SayChanges() {
  for (const NodeId id : cluster_->node_ids()) {
    const Fields now = FieldsOfNode(id);
    Fields& said = said_[id];
    Fields changed;
    for (const auto& field : now) {
      if (std::ranges::find(said, field) == said.end()) changed.push_back(field);
    }
    if (!changed.empty()) Say(fmt::format("{}:{}", id.value(), Joined(changed)));
    said = now;
  }
}

void Scenario::SayMessages() {
  for (const CoreCluster::Letter& letter : cluster_->letters()) {
    if (letter.number <= letters_said_) continue;
    letters_said_ = letter.number;
    Say(TextOf(letter.message) + (IsCut(letter.from, letter.to) ? " (lost)" : ""));
  }
}

void Scenario::SayRefusal(const Result<Index>& result) {
  if (!result) Say("refused: " + result.error().message);
}

void Scenario::DoStatus(const Words& words) {
  for (const NodeId id : words.empty() ? cluster_->node_ids() : NodesOf(words[0]))
    Say(fmt::format("{}:{}", id.value(), Joined(FieldsOfNode(id))));
}

void Scenario::DoProgress(const Words& words) {
  for (const Progress& progress : cluster_->raft(NodeOf(words.at(0))).followers())
    Say(fmt::format("{}: {}", progress.replica.node.value(), TextOf(progress)));
}

void Scenario::DoMail(const Words&) {
  for (const CoreCluster::Letter& letter : cluster_->letters()) Say(TextOf(letter.message));
}

std::string Scenario::ValueOf(const std::string& subject, const std::string& field) {
  if (IsLink(subject)) {
    const Link link = LinkOf(subject);
    const auto count = std::ranges::count_if(cluster_->letters(), [link](const auto& letter) {
      return link.Covers(letter.from, letter.to);
    });
    return std::to_string(count);
  }
  const Fields fields = subject == "cluster" ? FieldsOfCluster() : FieldsOfNode(NodeOf(subject));
  for (const auto& [name, value] : fields) {
    if (name == field) return value;
  }
  return "nothing";
}

void Scenario::DoExpect(const Words& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto [field, expected] = SettingOf(words[i]);
    for (const std::string& subject : SplitAt(words.at(0), ',')) {
      const std::string found = ValueOf(subject, field);
      if (found == expected) continue;
      failures_.push_back(
          fmt::format("expected {} {}={}, found {}", subject, field, expected, found));
      Say("FAILED: " + failures_.back());
    }
  }
}

}  // namespace raftmq
