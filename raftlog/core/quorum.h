// Majority arithmetic. Pure functions.
#pragma once

#include <cstddef>
#include <vector>

#include "protocol/types/ids.h"

namespace raftmq {

// How many of `voters` make a majority.
constexpr std::size_t QuorumOf(std::size_t voters) { return voters / 2 + 1; }

// The greatest index that a majority has reached, given each voter's (Raft paper, section 5.3).
// REQUIRES: !reached.empty().
Index QuorumIndex(std::vector<Index> reached);

}  // namespace raftmq
