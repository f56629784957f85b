// What the checker found: broken rules, each with examples, and figures that break none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/types/clock.h"

namespace raftmq::checker {

// DESIGN.md explains each.
enum class Rule {
  kInconsistentOffset,
  kDuplicate,
  kPhantom,
  kAbortedRead,
  kLostWrite,
  kUnseen,
  kIntPollSkip,
  kIntNonmonotonic,
  kPollSkip,
  kNonmonotonicPoll,
  kNonmonotonicSend,
  kSequenceGap,
  kEndRegress,
  kStaleAck,
  kDupAckMismatch,
};
inline constexpr std::size_t kRules = 15;

std::string_view NameOf(Rule rule);  // "lost-write"
std::optional<Rule> RuleNamed(std::string_view name);

struct Figures {
  // One second of the history, counted from its first operation.
  struct Second {
    std::uint64_t sends = 0;   // That ended in it.
    std::uint64_t ok = 0;      // Of these.
    std::uint64_t unseen = 0;  // Messages acked until its end that nobody has read until then.
  };

  std::uint64_t ops = 0;
  std::uint64_t sends_ok = 0, sends_failed = 0, sends_unknown = 0;
  std::uint64_t acked = 0;  // Messages.
  // Acks of messages that the log start had passed already, as a poll was told before.
  std::uint64_t acked_below_start = 0;
  std::uint64_t acked_below_start_max = 0;  // By how many messages, at most.
  std::uint64_t polls = 0;
  std::uint64_t records_read = 0;
  // Longest time that a record had been acked for when a poll began that then did not reach it; the
  // final phase apart.
  Microseconds worst_lag{0};
  // From each "heal" to the next ack; none for a heal that no ack followed.
  std::vector<Microseconds> heal_to_ack;
  std::vector<Second> seconds;
};

class Report {
 public:
  static constexpr std::size_t kExamples = 8;  // Kept for each rule.
  struct Findings {
    std::uint64_t count = 0;
    std::vector<std::string> examples;
  };

  void Add(Rule rule, std::string example);

  bool is_clean() const { return findings_.empty(); }
  std::set<Rule> broken() const;
  const std::map<Rule, Findings>& findings() const { return findings_; }
  // Lines for people: each broken rule, how often, and the examples. Empty if there is none.
  std::string ToString() const;

  Figures figures;

 private:
  std::map<Rule, Findings> findings_;
};

}  // namespace raftmq::checker
