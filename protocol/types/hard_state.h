// What a replica must never forget: the smallest part of Raft's state, shared by the pure core and
// the files that keep it.
#pragma once

#include <compare>

#include "protocol/types/ids.h"

namespace raftmq {

// How far a log reaches, as elections compare it (Raft paper, section 5.4.1).
struct LogEnd {
  Term term;
  Index index;
  auto operator<=>(const LogEnd&) const = default;
};

// Current term and the vote given in it (Raft paper, figure 2).
struct HardState {
  Term term;
  NodeId vote;  // 0 = none.
  // The end that the log had when damaged entries were last cut from it: it votes by that until it
  // reaches further.
  LogEnd promised;
  bool operator==(const HardState&) const = default;
};

}  // namespace raftmq
