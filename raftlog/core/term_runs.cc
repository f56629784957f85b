#include "raftlog/core/term_runs.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/types/check.h"

namespace raftmq {

TermRuns::TermRuns(std::vector<TermRun> runs, Index last, Term before_term)
    : before_term_(before_term), runs_(std::move(runs)), last_(last) {
  RAFTMQ_CHECK(!runs_.empty());
  before_ = runs_.front().first.Minus(1);
  for (std::size_t i = 1; i < runs_.size(); ++i) {
    RAFTMQ_CHECK(runs_[i - 1].first < runs_[i].first);
    RAFTMQ_CHECK(runs_[i - 1].term < runs_[i].term);
  }
  RAFTMQ_CHECK(runs_.back().first <= last_);
  RAFTMQ_CHECK(before_term_ <= runs_.front().term);
}

std::optional<Term> TermRuns::TermAt(Index index) const {
  if (index < before_ || index > last_) return std::nullopt;
  if (index == before_) return before_term_;
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), index,
                       [](Index wanted, const TermRun& run) { return wanted < run.first; });
  return std::prev(after)->term;
}

Index TermRuns::LastAtMost(Index from, Term term) const {
  RAFTMQ_CHECK(from <= last_);
  Index at = from;
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (run->first > at) continue;
    if (run->term <= term) return at;
    at = run->first.Minus(1);
  }
  return before_;
}

std::vector<TermRun> TermRuns::Slice(Index after, Index last) const {
  RAFTMQ_CHECK(after >= before_);
  RAFTMQ_CHECK(last <= last_);
  std::vector<TermRun> slice;
  if (after >= last) return slice;
  for (const TermRun& run : runs_) {
    if (run.first > last) break;
    const TermRun cut{std::max(run.first, after.Next()), run.term};
    // A run that ends before the slice is replaced by its successor.
    if (!slice.empty() && slice.back().first == cut.first) slice.pop_back();
    slice.push_back(cut);
  }
  return slice;
}

Index TermRuns::Append(Term term) {
  RAFTMQ_CHECK(term >= last_term());
  last_ = last_.Next();
  if (runs_.empty() || term > runs_.back().term) runs_.push_back({last_, term});
  return last_;
}

void TermRuns::TruncateAfter(Index last_kept) {
  RAFTMQ_CHECK(last_kept >= before_);
  RAFTMQ_CHECK(last_kept <= last_);
  last_ = last_kept;
  while (!runs_.empty() && runs_.back().first > last_) runs_.pop_back();
}

void TermRuns::TruncateBefore(Index first_kept) {
  RAFTMQ_CHECK(first_kept >= first());
  RAFTMQ_CHECK(first_kept <= last_.Next());
  before_term_ = *TermAt(first_kept.Minus(1));
  runs_ = Slice(first_kept.Minus(1), last_);
  before_ = first_kept.Minus(1);
}

}  // namespace raftmq
