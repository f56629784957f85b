// Entries that a replica has promised and cannot read any more.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/types/ids.h"

namespace raftmq {

// Rules: first <= last; no entry of the run has a higher term than term_max, which is that of the
// frame that claims them.
struct DamagedRun {
  Index first;
  Index last;
  Term term_max;
  bool operator==(const DamagedRun&) const = default;
};

// The damaged runs of one log, by index, with something whole between any two. Value type.
class DamagedRuns {
 public:
  DamagedRuns() = default;
  // In any order; those that overlap or touch become one.
  explicit DamagedRuns(std::vector<DamagedRun> runs) {
    std::ranges::sort(runs, {}, &DamagedRun::first);
    for (const DamagedRun& run : runs) {
      if (runs_.empty() || run.first > runs_.back().last.Next()) {
        runs_.push_back(run);
        continue;
      }
      runs_.back().last = std::max(runs_.back().last, run.last);
      runs_.back().term_max = std::max(runs_.back().term_max, run.term_max);
    }
  }

  bool empty() const { return runs_.empty(); }
  const std::vector<DamagedRun>& all() const { return runs_; }
  // REQUIRES for these two: !empty().
  Index first() const { return runs_.front().first; }
  Index last() const { return runs_.back().last; }
  // The run that holds the entry.
  const DamagedRun* Find(Index index) const {
    const DamagedRun* const run = FirstFrom(index);
    return run != nullptr && run->first <= index ? run : nullptr;
  }
  // The first run that holds the entry or one behind it.
  const DamagedRun* FirstFrom(Index index) const {
    const auto found =
        std::ranges::find_if(runs_, [index](const DamagedRun& run) { return run.last >= index; });
    return found != runs_.end() ? &*found : nullptr;
  }
  void TruncateAfter(Index last_kept) {
    std::erase_if(runs_, [&](const DamagedRun& run) { return run.first > last_kept; });
  }
  void TruncateBefore(Index first_kept) {
    std::erase_if(runs_, [&](const DamagedRun& run) { return run.last < first_kept; });
    if (!runs_.empty()) runs_.front().first = std::max(runs_.front().first, first_kept);
  }

 private:
  std::vector<DamagedRun> runs_;
};

}  // namespace raftmq
