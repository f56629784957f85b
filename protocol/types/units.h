// Sizes and durations as people write them: "64MiB", "1.5GB", "5ms", "7d". Pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "raftmq/result.h"

namespace raftmq {

// Reads a size in bytes. Units: B, kB, MB, GB, TB (powers of ten), KiB, MiB, GiB, TiB (powers of
// two), in any case; a bare number is bytes. A fraction is accepted if it names whole bytes.
// Errors: kInvalidArgument with what was expected and found; nothing is rounded or wrapped.
Result<std::uint64_t> ParseBytes(std::string_view text);

// Reads a duration. Units: ns, us, ms, s, m, h, d, w, in lower case; a unit is required except
// for 0, since a bare "5" means different things to different people.
// Errors: kInvalidArgument, also beyond 292 years, the range of the result.
Result<std::chrono::nanoseconds> ParseDuration(std::string_view text);

// The shortest exact form with one unit, which Parse reads back: "64MiB", "1000B".
std::string FormatBytes(std::uint64_t bytes);
// The same for durations of at least 0: "7d", "90s", "1500us".
std::string FormatDuration(std::chrono::nanoseconds duration);

}  // namespace raftmq
