// How big the next segment should be. Pure policy.
#pragma once

#include <algorithm>
#include <cstdint>

#include "protocol/types/bytes.h"
#include "segment/file_system.h"

namespace raftmq {

// Doubles while segments fill within a minute, halves when one takes over an hour, within [first,
// max], in whole pages: thousands of quiet partitions must not reserve terabytes.
inline std::uint64_t NextSegmentCapacity(std::uint64_t current, std::int64_t filled_in_ms,
                                         std::uint64_t first, std::uint64_t max) {
  constexpr std::int64_t kFastMs = 60'000;
  constexpr std::int64_t kSlowMs = 3'600'000;
  std::uint64_t next = current;
  if (filled_in_ms < kFastMs) next = current * 2;
  if (filled_in_ms > kSlowMs) next = current / 2;
  next = std::max(std::min(next, max), std::min(first, max));
  return AlignUp(static_cast<std::size_t>(next), kPageBytes);
}

}  // namespace raftmq
