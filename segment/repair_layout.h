// Where the frames of a damaged run stood: each directly behind the one before, or at the next 4
// KiB boundary, so that the whole frame behind the run is where it is.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace raftmq {

struct RunToLayOut {
  std::uint64_t begin = 0;             // Where the entry before the run ends.
  std::vector<std::uint64_t> lengths;  // Padded, in order.
  std::uint64_t next_at = 0;           // Where the whole frame behind the run begins.
};

// The places of the frames; nullopt if none makes the run end where it must (or it is too intricate
// to be found in reasonable time). Pure: dynamic programming over the places that can be reached.
std::optional<std::vector<std::uint64_t>> LayOutRun(const RunToLayOut& run);
// One behind the other.
std::vector<std::uint64_t> LayOutTight(std::uint64_t begin,
                                       const std::vector<std::uint64_t>& lengths);

}  // namespace raftmq
