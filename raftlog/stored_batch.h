// Where the log has a batch that may be sent again.
#pragma once

#include <cstdint>

#include "protocol/types/ids.h"

namespace raftmq {

struct StoredBatch {
  Offset base_offset;
  std::int64_t append_time_ms = 0;
  Index index;  // The entry that says so; 0 = one before the checkpoint that this was read from.
};

}  // namespace raftmq
