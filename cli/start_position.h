// `consume -o`: start | end | N | -N | @RFC3339 | -1h.
#pragma once

#include <cstdint>
#include <string>

#include "raftmq/consumer.h"
#include "raftmq/result.h"

namespace raftmq::cli {

// Pure: `now_ms` (milliseconds since 1970) is what -1h counts from. A time without a zone is local
// time.
Result<StartPosition> ParseStartPosition(const std::string& text, std::int64_t now_ms);

}  // namespace raftmq::cli
