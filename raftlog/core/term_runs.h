// The shape of a log: which terms its entries bear, as (first index, term) runs. No entry is held.
#pragma once

#include <optional>
#include <vector>

#include "protocol/types/ids.h"

namespace raftmq {

// All entries from `first` up to the next run (or the last entry) bear `term`.
struct TermRun {
  Index first;
  Term term;
  bool operator==(const TermRun&) const = default;
};

// Rules: (1) there is at least one entry; (2) runs are in rising order of index and of term, since
// terms never fall along a log; (3) the last run has at least one entry. Value type.
class TermRuns {
 public:
  // REQUIRES: the rules hold.
  TermRuns(std::vector<TermRun> runs, Index last);

  Index first() const { return runs_.front().first; }
  Index last() const { return last_; }
  Term last_term() const { return runs_.back().term; }
  // nullopt outside [first, last].
  std::optional<Term> TermAt(Index index) const;
  // Adds one entry and returns its index. REQUIRES: term >= last_term().
  Index Append(Term term);

 private:
  std::vector<TermRun> runs_;
  Index last_;
};

}  // namespace raftmq
