// Numbers of the command line within their bounds. Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "raftmq/result.h"

namespace raftmq::cli {

template <class Value>
struct Bounds {
  Value least;
  Value most;  // Inclusive.
};

// A size such as 4096 or 1MiB. kInvalidArgument outside the bounds; the text names them.
Result<std::uint64_t> ParseBytesIn(Bounds<std::uint64_t> bounds, const std::string& text);

}  // namespace raftmq::cli
