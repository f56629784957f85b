// Histories as JSON lines, one operation each; blank lines and those that begin with # are not
// looked at. DESIGN.md lists the fields.
#pragma once

#include <iosfwd>
#include <string>

#include "raftmq/result.h"
#include "tests/checker/history.h"
#include "tests/checker/report.h"

namespace raftmq::checker {

// kBadRequest with the line's number if a line is no operation, has a field that its operation has
// not, or a number that does not rise.
Result<History> ReadHistory(std::istream& from);
void WriteHistory(const History& history, std::ostream& to);

// The report as one JSON document.
std::string ToJson(const Report& report);

}  // namespace raftmq::checker
