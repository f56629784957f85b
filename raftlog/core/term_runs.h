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

// Rules: (1) runs are in rising order of index and of term, since terms never fall along a log;
// (2) the last run has at least one entry; (3) without runs the log is empty: it begins right
// behind `before`. Value type.
class TermRuns {
 public:
  // A log with entries; `before_term` is the term of the one before the first (0 = there was none).
  // REQUIRES: !runs.empty() and the rules hold.
  TermRuns(std::vector<TermRun> runs, Index last, Term before_term = Term(0));
  // An empty log behind `before`.
  TermRuns(Index before, Term before_term)
      : before_(before), before_term_(before_term), last_(before) {}

  Index first() const { return before_.Next(); }
  Index last() const { return last_; }
  Term last_term() const { return runs_.empty() ? before_term_ : runs_.back().term; }
  // Also of the entry before the first; nullopt outside [first - 1, last].
  std::optional<Term> TermAt(Index index) const;
  // The greatest index <= `from` whose term is <= `term`; at least first - 1.
  // REQUIRES: from <= last.
  Index LastAtMost(Index from, Term term) const;
  // The runs of (after, last]; empty if there are no entries. REQUIRES: first - 1 <= after <= last.
  std::vector<TermRun> Slice(Index after, Index last) const;

  // Adds one entry and returns its index. REQUIRES: term >= last_term().
  Index Append(Term term);
  // REQUIRES: first - 1 <= last_kept <= last.
  void TruncateAfter(Index last_kept);
  // Forgets what is before `first_kept`. REQUIRES: first <= first_kept <= last + 1.
  void TruncateBefore(Index first_kept);

 private:
  Index before_;
  Term before_term_;
  std::vector<TermRun> runs_;
  Index last_;
};

}  // namespace raftmq
