// Histories of a correct log, drawn from a seed: to be found clean, and to be spoilt by tests.
#pragma once

#include <cstdint>

#include "tests/checker/history.h"

namespace raftmq::checker {

struct RandomHistoryOptions {
  std::uint64_t seed = 1;
  std::uint32_t steps = 300;    // Each a send, a poll or something rare.
  std::uint32_t batch_max = 3;  // Records of a send.
  std::uint32_t poll_max = 8;   // Records of a poll.
};

inline constexpr std::uint32_t kProducerWithoutSession = 3;
inline constexpr std::uint32_t kFinalClients = 100;  // Final polls of node n are of client 100 + n.

// Producers with sessions that retry until they know, one without, readers that change nodes, seek
// and crash, nodes that lag, trims; at the end every node is read from the log start.
History MakeRandomHistory(const RandomHistoryOptions& options);

}  // namespace raftmq::checker
