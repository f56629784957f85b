// A read of one segment: walks from a line of the sparse index to the wanted entry, then takes
// whole verified frames.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "segment/partition_log.h"
#include "segment/segment.h"
#include "segment/sparse_index.h"

namespace raftmq {

struct LogReadSpec {
  SegmentView view;
  SparseIndex::Line line;  // Where the walk begins.
  ReadFrom from;
  Index up_to;  // Last entry wanted.
  std::size_t bytes_max = 0;
  std::uint64_t group_seed = 0;
  LogTail segment_end;  // The last durable entry of the segment: bounds of damage up to its end.
  std::string path;     // For messages.
  // Set by the loop once entries were cut, dropped or repaired: what the read calls damaged may be
  // whole.
  std::shared_ptr<const std::atomic<bool>> is_overtaken;
};

std::unique_ptr<LogRead> MakeLogRead(LogReadSpec spec);

}  // namespace raftmq
