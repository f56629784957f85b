#include "tests/faults/healing.h"

#include <fmt/format.h>

#include <iostream>
#include <stdexcept>
#include <utility>

namespace raftmq::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kHealedWithin{60};
constexpr std::chrono::seconds kReadWithin{20};
constexpr std::chrono::seconds kSlow{3};  // Is printed.

// A node that does not answer, or has ended, is no news.
NodeScrub OnlyOf(Result<std::vector<NodeScrub>> nodes) {
  NodeScrub none;
  none.error = nodes ? Error{ErrorCode::kUnreachable, "no such node"} : nodes.error();
  return nodes && !nodes->empty() ? std::move(nodes->front()) : none;
}

std::string DamageOf(const NodeScrub& node) {
  std::string text = node.error ? node.error->ToString() : "";
  for (const NodeScrub::Damage& damage : node.damage) {
    text += fmt::format("{} offsets {} to {}: {}; ", damage.where, damage.first_offset,
                        damage.end_offset, damage.what);
  }
  return text;
}

}  // namespace

Healing::Outcome Healing::Await(NodeId node, Meets by, Clock::time_point since) {
  outcome_ = {};
  if (by == Meets::kRead) ReadAll(node);
  while (Clock::now() - since < kHealedWithin) {
    if (IsCleanScrub(node) && ReadAll(node)) {
      outcome_.fate.is_healed = true;
      outcome_.fate.healed_after =
          std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since);
      return std::exchange(outcome_, {});
    }
    if (!outcome_.wrong.empty()) break;
  }
  outcome_.still += DamageOf(StatusOf(node));
  outcome_.fate.is_reported = !outcome_.still.empty();
  return std::exchange(outcome_, {});
}

bool Healing::ReadAll(NodeId node) {
  const auto began = Clock::now();
  const WholeReads::Outcome read = reads_.From(node, kReadWithin, [this] { RestartIfEnded(); });
  NoteSlow("read", began, read.error);
  outcome_.still = read.error;
  outcome_.wrong.insert(outcome_.wrong.end(), read.wrong.begin(), read.wrong.end());
  RestartIfEnded();
  return read.is_whole;
}

// It has read everything and found nothing that was not known, and nothing is known.
bool Healing::IsCleanScrub(NodeId node) {
  const auto began = Clock::now();
  const NodeScrub before = OnlyOf(client_.StartScrub(node.value()));
  NodeScrub now = before;
  // Who has not taken the order may be busy with a pass of its own for days.
  const bool has_ended = !before.error && Becomes([&] {
    now = StatusOf(node);
    return now.error.has_value() || !now.running;
  });
  RestartIfEnded();
  outcome_.last_scrub =
      fmt::format("{}{}, {} passes, found {} before and {} now, {} open",
                  now.running ? "running" : "ended", now.error ? ", " + now.error->ToString() : "",
                  now.passes, before.damage_found, now.damage_found, now.damage_open);
  NoteSlow("scrub", began, outcome_.last_scrub);
  if (before.error || now.error || !has_ended) return false;
  return now.damage_open == 0 && now.damage_found == before.damage_found;
}

// What holds up the rest.
void Healing::NoteSlow(const char* step, Clock::time_point began, const std::string& outcome) {
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
  if (took < kSlow) return;
  std::cout << "a " << step << " took " << took.count() << " ms: " << outcome << std::endl;
}

NodeScrub Healing::StatusOf(NodeId node) { return OnlyOf(client_.ScrubStatus(node.value())); }

// As a service manager does.
void Healing::RestartIfEnded() {
  for (const NodeId ended : processes_.TakeEnded()) {
    ++outcome_.ended;
    processes_.Start(ended);
  }
}

}  // namespace raftmq::testing
