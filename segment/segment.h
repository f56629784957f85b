// One segment as the loop knows it, and the view of its bytes that reads take with them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "segment/checkpoint.h"
#include "segment/file_system.h"
#include "segment/segment_name.h"
#include "segment/sparse_index.h"

namespace raftmq {

// The durable bytes of a segment at one moment. Immutable; may be used by any thread, also after
// the segment's file is gone. Pages of the map from `page_at` on are never touched: the unfinished
// last page is written again and again, so its bytes come as a copy.
struct SegmentView {
  std::shared_ptr<FileMap> map;
  SharedBytes page;           // Bytes from page_at to end.
  std::uint64_t page_at = 0;  // Multiple of kPageBytes.
  std::uint64_t end = 0;      // Where durable frames end.
  bool is_cut = false;        // A cut is under way: `end` may lie inside a frame.
};

// Loop-affine.
struct Segment {
  SegmentName name;
  std::string path;
  std::uint64_t allocated_bytes = 0;
  std::uint64_t staged_end = 0;  // Where the next frame goes. >= view.end.
  SegmentView view;
  SparseIndex index;
  LogTail tail;  // Its last staged entry.
  bool sealed = false;
  bool has_earlier_readers = false;  // Of a map that is not view.map any more, it may be.
  std::int64_t opened_ms = 0;        // Append time of its first entry: how fast it fills.

  bool HasFile() const { return allocated_bytes > 0; }
};

// The place of the first segment of a log that was reset: it has no file yet.
inline Segment SegmentBehind(const LogBase& base) {
  Segment segment;
  segment.name = {base.before.index.Next(), base.before.next_offset};
  segment.tail = base.before;
  segment.sealed = true;
  return segment;
}

}  // namespace raftmq
