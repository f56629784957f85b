// The history checker: whether what clients were told can have come from one correct log per
// partition. Rules for logs and sessions; those for consumer groups are not there yet.
#pragma once

#include "tests/checker/history.h"
#include "tests/checker/report.h"

namespace raftmq::checker {

// Judges a whole history, in O(n log n) for n records sent and read. A pure function.
Report CheckHistory(const History& history);

}  // namespace raftmq::checker
