#include "raftlog/core/term_runs.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

TEST(TermRuns, TermOfEachEntry) {
  const TermRuns runs({{Index(5), Term(2)}, {Index(8), Term(4)}}, Index(9));
  EXPECT_EQ(runs.TermAt(Index(4)), std::nullopt);
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

}  // namespace
}  // namespace raftmq
