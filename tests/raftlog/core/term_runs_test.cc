#include "raftlog/core/term_runs.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

TEST(TermRuns, TermOfEachEntry) {
  const TermRuns runs({{Index(5), Term(2)}, {Index(8), Term(4)}}, Index(9));
  EXPECT_EQ(runs.TermAt(Index(3)), std::nullopt);
  EXPECT_EQ(runs.TermAt(Index(4)), Term(0));
  EXPECT_EQ(runs.TermAt(Index(5)), Term(2));
  EXPECT_EQ(runs.TermAt(Index(7)), Term(2));
  EXPECT_EQ(runs.TermAt(Index(8)), Term(4));
  EXPECT_EQ(runs.TermAt(Index(9)), Term(4));
  EXPECT_EQ(runs.TermAt(Index(10)), std::nullopt);
}

TEST(TermRuns, AppendOpensARunOnlyForANewTerm) {
  TermRuns runs({{Index(1), Term(0)}}, Index(1));
  EXPECT_EQ(runs.Append(Term(1)), Index(2));
  EXPECT_EQ(runs.Append(Term(1)), Index(3));
  EXPECT_EQ(runs.TermAt(Index(1)), Term(0));
  EXPECT_EQ(runs.TermAt(Index(3)), Term(1));
  EXPECT_EQ(runs.last_term(), Term(1));
}

TEST(TermRuns, LastAtMostGoesBackByWholeTerms) {
  const TermRuns runs({{Index(5), Term(2)}, {Index(8), Term(4)}}, Index(9), Term(1));
  EXPECT_EQ(runs.LastAtMost(Index(9), Term(4)), Index(9));
  EXPECT_EQ(runs.LastAtMost(Index(9), Term(3)), Index(7));
  EXPECT_EQ(runs.LastAtMost(Index(6), Term(4)), Index(6));
  EXPECT_EQ(runs.LastAtMost(Index(9), Term(1)), Index(4));
}

TEST(TermRuns, SliceHoldsTheRunsOfItsEntriesOnly) {
  const TermRuns runs({{Index(5), Term(2)}, {Index(8), Term(4)}, {Index(9), Term(5)}}, Index(9));
  EXPECT_EQ(runs.Slice(Index(5), Index(8)),
            (std::vector<TermRun>{{Index(6), Term(2)}, {Index(8), Term(4)}}));
  EXPECT_EQ(runs.Slice(Index(7), Index(9)),
            (std::vector<TermRun>{{Index(8), Term(4)}, {Index(9), Term(5)}}));
  EXPECT_TRUE(runs.Slice(Index(9), Index(9)).empty());
}

TEST(TermRuns, BothEndsCanBeCut) {
  TermRuns runs({{Index(5), Term(2)}, {Index(8), Term(4)}}, Index(9));
  runs.TruncateAfter(Index(7));
  EXPECT_EQ(runs.last_term(), Term(2));
  runs.TruncateBefore(Index(8));
  EXPECT_EQ(runs.last(), Index(7));
  EXPECT_EQ(runs.last_term(), Term(2));
  EXPECT_EQ(runs.Append(Term(3)), Index(8));
  EXPECT_EQ(runs.TermAt(Index(7)), Term(2));
}

}  // namespace
}  // namespace raftmq
