// The rules, by what they look at. Each adds what it finds to the report.
#pragma once

#include "tests/checker/facts.h"
#include "tests/checker/report.h"

namespace raftmq::checker {

// One value per offset and no value more often than it may be: inconsistent-offset, duplicate,
// phantom, aborted-read, dup-ack-mismatch.
void CheckOffsets(const Facts& facts, Report& report);
// What must be there is there: lost-write, unseen.
void CheckCompleteness(const Facts& facts, Report& report);
// Readers move on record by record: int-poll-skip, int-nonmonotonic, poll-skip, nonmonotonic-poll.
void CheckPositions(const Facts& facts, Report& report);
// Ends that clients see: end-regress, stale-ack.
void CheckEnds(const Facts& facts, Report& report);
// Sessions keep their order: nonmonotonic-send, sequence-gap.
void CheckSessions(const Facts& facts, Report& report);

Figures FiguresOf(const Facts& facts);

}  // namespace raftmq::checker
