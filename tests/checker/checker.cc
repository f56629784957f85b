#include "tests/checker/checker.h"

#include "tests/checker/facts.h"
#include "tests/checker/rules.h"

namespace raftmq::checker {

Report CheckHistory(const History& history) {
  const Facts facts(history);
  Report report;
  CheckOffsets(facts, report);
  CheckCompleteness(facts, report);
  CheckPositions(facts, report);
  CheckEnds(facts, report);
  CheckSessions(facts, report);
  report.figures = FiguresOf(facts);
  return report;
}

}  // namespace raftmq::checker
