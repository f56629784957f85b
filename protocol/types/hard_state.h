// What a replica must never forget: the smallest part of Raft's state, shared by the pure core and
// the files that keep it.
#pragma once

#include "protocol/types/ids.h"

namespace raftmq {

// Current term and the vote given in it (Raft paper, figure 2).
struct HardState {
  Term term;
  NodeId vote;  // 0 = none.
  bool operator==(const HardState&) const = default;
};

}  // namespace raftmq
