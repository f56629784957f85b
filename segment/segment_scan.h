// Walks the frames of one segment as they stand on the disk, past damage, for recovery and the
// offline tools.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "protocol/types/batch_header.h"
#include "raftmq/result.h"
#include "segment/checkpoint.h"
#include "segment/file_system.h"
#include "segment/segment_writer.h"

namespace raftmq {

// Reads a file through a window of whole pages. Used by one thread at a time.
class SegmentBytes {
 public:
  // `direct` reads from the disk itself: a page whose write failed is not believed from the page
  // cache.
  static Result<SegmentBytes> Open(FileSystem& files, const std::string& path, bool direct);
  // The bytes [at, at + count), cut at the end of the file; valid until the next call.
  Result<ByteSpan> Get(std::uint64_t at, std::size_t count);
  std::uint64_t size() const { return size_; }
  File& file() { return *file_; }

 private:
  SegmentBytes(std::unique_ptr<File> file, std::uint64_t size)
      : file_(std::move(file)), size_(size) {}
  Status ReadWindow(std::size_t count);
  std::unique_ptr<File> file_;
  std::uint64_t size_;
  std::unique_ptr<AlignedBlock> window_;
  std::uint64_t window_at_ = 0;
  std::size_t window_bytes_ = 0;
};

// A run of bytes where whole frames should be and are not.
struct ScanGap {
  LogTail before;  // The last whole entry before it.
  std::uint64_t begin = 0,
                end = 0;  // Bytes of the segment; `end` is where the next whole frame begins.
  Index next;             // Of that frame.
  Offset next_offset;     // Its base offset.
  std::string what;       // Which check failed at `begin`.
};

struct SegmentScan {
  LogTail tail;                // Of the last whole frame met (or what was before the first).
  std::uint64_t frame_at = 0;  // Where that frame begins.
  std::uint64_t end = 0;       // Where the next frame would begin.
  std::string end_reason;      // Why there is none.
  bool rest_is_zero = true;    // Nothing but zeros from `end` to the end of the file.
};

// Calls `on_frame(header, frame bytes, position)` for every whole frame from `position` on,
// `on_gap` where some are missing in between. `before` is the tail just before `position`.
Result<SegmentScan> ScanSegment(
    SegmentBytes& bytes, std::uint64_t position, const LogTail& before, std::uint64_t group_seed,
    const std::function<void(const BatchHeader&, ByteSpan, std::uint64_t)>& on_frame,
    const std::function<void(const ScanGap&)>& on_gap);

// The tail of the log with `header` as its last entry.
LogTail TailAfter(const BatchHeader& header);

}  // namespace raftmq
