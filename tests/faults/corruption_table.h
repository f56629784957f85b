// What became of damage, by kind.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "tests/faults/corruption.h"

namespace raftmq::testing {

// How one of them ended.
struct Fate {
  std::chrono::milliseconds healed_after{0};  // From the scrub or read that met it.
  bool is_healed = false;                     // In time, without an operator.
  bool is_reported = false;                   // It is not, and the broker says so.
};

class CorruptionTable {
 public:
  void Add(Corruption kind, const Fate& fate) { fates_[kind].push_back(fate); }
  std::size_t count() const;
  std::size_t healed() const;
  std::size_t silent() const;  // Neither healed nor reported.
  std::string ToString() const;

 private:
  std::map<Corruption, std::vector<Fate>> fates_;
};

}  // namespace raftmq::testing
