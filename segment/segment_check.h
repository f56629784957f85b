// The one SegmentCheck: walks a segment's frames, read from the disk itself.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "segment/partition_log.h"
#include "segment/segment.h"

namespace raftmq {

struct SegmentCheckSpec {
  FileSystem& files;  // Outlives the check.
  SegmentName name;
  std::string path;
  std::string index_path;  // Empty: its index has no file yet.
  SegmentView view;        // Also keeps the file from being taken over by another segment.
  LogTail before;          // The entry before the segment; chain 0: not known.
  LogTail end;             // The segment's last durable entry.
  std::uint64_t group_seed = 0;
  // Set by the loop once entries were cut, dropped or repaired: what was seen may be neither old
  // nor new.
  std::shared_ptr<const std::atomic<bool>> is_overtaken;
};

std::unique_ptr<SegmentCheck> MakeSegmentCheck(SegmentCheckSpec spec);

}  // namespace raftmq
