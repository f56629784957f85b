// Walks the frames of one segment as they stand on the disk, past damage, for recovery and the
// offline tools.
#pragma once

#include <algorithm>
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
  // cache. Only the odd end of a file that was cut from outside comes from there: nobody writes
  // parts of a page, and who looked at the file otherwise has seen entries in it.
  static Result<SegmentBytes> Open(FileSystem& files, const std::string& path, bool direct);
  // The bytes [at, at + count), cut at the end of the file; valid until the next call.
  Result<ByteSpan> Get(std::uint64_t at, std::size_t count);
  // What stands at `page_at`, a page that is still being written, comes from `page` and not from
  // the disk; behind `end` there is nothing.
  void EndAt(std::uint64_t end, std::uint64_t page_at, SharedBytes page);
  std::uint64_t size() const { return std::min(size_, end_); }
  File& file() { return *file_; }

 private:
  SegmentBytes(std::unique_ptr<File> file, std::unique_ptr<File> odd_end, std::uint64_t size)
      : file_(std::move(file)), odd_end_(std::move(odd_end)), size_(size) {}
  Status ReadWindow();
  Status ReadPages(const File& file, std::size_t begin, std::size_t end);
  std::unique_ptr<File> file_;
  std::unique_ptr<File> odd_end_;  // For what a direct read cannot take. Null: there is none.
  std::uint64_t size_;             // Of the file.
  std::uint64_t end_ = ~std::uint64_t{0};
  std::uint64_t page_at_ = 0;
  SharedBytes page_;
  std::unique_ptr<AlignedBlock> window_;
  std::uint64_t window_at_ = 0;
  std::size_t window_bytes_ = 0;
};

// A run of bytes where whole frames should be and are not.
struct ScanGap {
  LogTail before;  // The last whole entry before it.
  std::uint64_t begin = 0,
                end = 0;  // Bytes of the segment; `end` is where the next whole frame begins.
  Index next;             // Of that frame; of the one behind it if none is missing: then it stands
                          // behind bytes that should be zeros, and readers do not get to it.
  Offset next_offset;     // Base offset of the entry `next`.
  // What that frame says of the entry before it: its hash, and that no earlier term is higher.
  std::uint64_t last_hash = 0;
  Term term_max;
  std::string what;  // Which check failed at `begin`.
};

struct SegmentScan {
  LogTail tail;                // Of the last whole frame met (or what was before the first).
  std::uint64_t frame_at = 0;  // Where that frame begins.
  std::uint64_t end = 0;       // Where the next frame would begin.
  std::string end_reason;      // Why there is none.
  bool rest_is_zero = true;    // Nothing but zeros from `end` to the end of the file.
};

using OnScannedFrame = std::function<void(const BatchHeader&, ByteSpan, std::uint64_t)>;
using OnScannedGap = std::function<void(const ScanGap&)>;

// Calls `on_frame(header, frame bytes, position)` for every whole frame from `position` on,
// `on_gap` where some are missing in between. `before` is the tail just before `position`.
Result<SegmentScan> ScanSegment(SegmentBytes& bytes, std::uint64_t position, const LogTail& before,
                                std::uint64_t group_seed, const OnScannedFrame& on_frame,
                                const OnScannedGap& on_gap);
// One step of it, from scan->end and scan->tail on: one frame or one gap. False once there is none.
Result<bool> ScanNext(SegmentBytes& bytes, std::uint64_t group_seed, SegmentScan* scan,
                      const OnScannedFrame& on_frame, const OnScannedGap& on_gap);

// Where the entry before a segment is not here, the chain into the segment's first frame is taken
// from that frame, which holds on its own or not.
Status TakeChainFromFront(SegmentBytes& bytes, LogTail* before);

// The tail of the log with `header` as its last entry.
LogTail TailAfter(const BatchHeader& header);

}  // namespace raftmq
