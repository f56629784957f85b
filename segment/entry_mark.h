// Where one entry stands, and what the next one needs to know of it.
#pragma once

#include <cstdint>

#include "protocol/types/ids.h"
#include "segment/checkpoint.h"

namespace raftmq {

struct EntryMark {
  LogTail tail;             // The log's tail with this entry as the last.
  Index segment_first;      // Names the segment.
  std::uint64_t begin = 0;  // Of its frame, and of what may follow, in bytes of the segment.
  std::uint64_t end = 0;
};

}  // namespace raftmq
