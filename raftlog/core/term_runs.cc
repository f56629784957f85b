#include "raftlog/core/term_runs.h"

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"

namespace raftmq {

TermRuns::TermRuns(std::vector<TermRun> runs, Index last) : runs_(std::move(runs)), last_(last) {
  RAFTMQ_CHECK(!runs_.empty());
  for (std::size_t i = 1; i < runs_.size(); ++i) {
    RAFTMQ_CHECK(runs_[i - 1].first < runs_[i].first);
    RAFTMQ_CHECK(runs_[i - 1].term < runs_[i].term);
  }
  RAFTMQ_CHECK(runs_.back().first <= last_);
}

std::optional<Term> TermRuns::TermAt(Index index) const {
  if (index < first() || index > last_) return std::nullopt;
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), index,
                       [](Index wanted, const TermRun& run) { return wanted < run.first; });
  return std::prev(after)->term;
}

Index TermRuns::Append(Term term) {
  RAFTMQ_CHECK(term >= last_term());
  last_ = last_.Next();
  if (term > last_term()) runs_.push_back({last_, term});
  return last_;
}

}  // namespace raftmq
