// Numbers of the command line within their bounds. Pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "raftmq/result.h"

namespace raftmq::cli {

template <class Value>
struct Bounds {
  Value least;
  Value most;  // Inclusive.
};

// Decimal digits only. CLI11's own conversion takes "-1" for the greatest number and "010" for 8.
// kInvalidArgument outside the bounds, as below; the text names them.
Result<std::uint64_t> ParseCountIn(Bounds<std::uint64_t> bounds, const std::string& text);
// A size such as 4096 or 1MiB.
Result<std::uint64_t> ParseBytesIn(Bounds<std::uint64_t> bounds, const std::string& text);
// A duration such as 10s; what is below a millisecond is cut off before the bounds are compared.
Result<std::chrono::milliseconds> ParseDurationIn(Bounds<std::chrono::milliseconds> bounds,
                                                  const std::string& text);

}  // namespace raftmq::cli
