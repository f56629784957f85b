// Where the frames of a damaged run stood: each directly behind the one before, or at the next 4
// KiB boundary, so that the whole frame behind the run is where it is.
//
// Behind the last frame that begins a page of its own all stand tight, so its place is known: as
// far before the end as these are long. The frames before it have to end within the page before
// that. They take the fewest pages where all stand tight, the most where each begins a page, and
// any number in between: one more that stands tight saves one page or none.
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

// The places of the frames; nullopt only if none makes the run end where it must. Pure; time and
// memory grow with the number of frames.
std::optional<std::vector<std::uint64_t>> LayOutRun(const RunToLayOut& run);
// One behind the other.
std::vector<std::uint64_t> LayOutTight(std::uint64_t begin,
                                       const std::vector<std::uint64_t>& lengths);

}  // namespace raftmq
