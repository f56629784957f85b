// What a run comes to: the first broken rule, and a hash of all that happened.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "protocol/types/split_mix.h"

namespace raftmq::sim {

struct Violation {
  std::string rule;  // "I-03", as in the list of invariants.
  std::string text;
};

class Verdict {
 public:
  // The first one counts: what follows it may be its consequence.
  void Broken(std::string rule, std::string text) {
    if (!violation_) violation_ = Violation{std::move(rule), std::move(text)};
  }
  bool is_broken() const { return violation_.has_value(); }
  const std::optional<Violation>& violation() const { return violation_; }

 private:
  std::optional<Violation> violation_;
};

// A running hash of numbers, in order.
class Digest {
 public:
  void Add(std::uint64_t word) { value_ = SplitMix(value_ ^ word).Next(); }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

}  // namespace raftmq::sim
