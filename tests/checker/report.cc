#include "tests/checker/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace raftmq::checker {
namespace {

constexpr std::array<std::string_view, kRules> kNames{
    "inconsistent-offset", "duplicate",         "phantom",
    "aborted-read",        "lost-write",        "unseen",
    "int-poll-skip",       "int-nonmonotonic",  "poll-skip",
    "nonmonotonic-poll",   "nonmonotonic-send", "sequence-gap",
    "end-regress",         "stale-ack",         "dup-ack-mismatch"};
static_assert(static_cast<std::size_t>(Rule::kDupAckMismatch) + 1 == kRules);

}  // namespace

std::string_view NameOf(Rule rule) { return kNames[static_cast<std::size_t>(rule)]; }

std::optional<Rule> RuleNamed(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Rule>(found - kNames.begin());
}

void Report::Add(Rule rule, std::string example) {
  Findings& findings = findings_[rule];
  ++findings.count;
  if (findings.examples.size() < kExamples) findings.examples.push_back(std::move(example));
}

std::set<Rule> Report::broken() const {
  std::set<Rule> rules;
  for (const auto& [rule, findings] : findings_) rules.insert(rule);
  return rules;
}

std::string Report::ToString() const {
  std::string text;
  for (const auto& [rule, findings] : findings_) {
    text += fmt::format("{}: {}\n", NameOf(rule), findings.count);
    for (const std::string& example : findings.examples) text += "  " + example + "\n";
  }
  return text;
}

}  // namespace raftmq::checker
