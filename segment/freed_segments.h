// Segments that were cut from a log's front and whose files are still there. The oldest becomes the
// next segment, if that comes soon, or is deleted: its blocks are written, and a file system that
// gives blocks back to the device at once makes everybody wait meanwhile.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "segment/file_system.h"
#include "segment/segment_name.h"

namespace raftmq {

// Pure policy over what it holds. Oldest first, so that a crash leaves no gap.
class FreedSegments {
 public:
  // Segments below `reuse_bytes_min` bytes are not waited with.
  explicit FreedSegments(std::uint64_t reuse_bytes_min) : reuse_bytes_min_(reuse_bytes_min) {}

  // `allocated_bytes`: 0 for a file that is not to be used again.
  void Add(const SegmentName& name, std::uint64_t allocated_bytes, std::weak_ptr<FileMap> map) {
    segments_.push_back({name, allocated_bytes, std::move(map), std::nullopt});
  }
  void Clear() { segments_.clear(); }
  bool empty() const { return segments_.empty(); }
  // Whether the oldest may become a segment of `capacity` bytes: nobody reads it any more.
  bool CanReuse(std::uint64_t capacity) const {
    return !empty() && segments_.front().allocated_bytes == capacity &&
           segments_.front().map.expired();
  }
  // Whether the oldest is to be deleted now, when the next segment will have `capacity` bytes.
  bool IsDeletionDue(std::uint64_t capacity, std::int64_t now_ms) {
    if (empty()) return false;
    for (Freed& freed : segments_) {
      const bool is_from_now = !freed.kept_since_ms || now_ms < *freed.kept_since_ms;
      if (is_from_now) freed.kept_since_ms = now_ms;  // Clocks are stepped back.
    }
    const Freed& oldest = segments_.front();
    if (oldest.allocated_bytes != capacity || capacity < reuse_bytes_min_) return true;
    if (segments_.size() > kKeptMax) return true;
    return now_ms - *oldest.kept_since_ms >= kKeptMs;
  }
  // REQUIRES: !empty().
  SegmentName TakeOldest() {
    const SegmentName name = segments_.front().name;
    segments_.pop_front();
    return name;
  }

 private:
  static constexpr std::size_t kKeptMax = 4;  // As many as retention frees in a pass under load.
  static constexpr std::int64_t kKeptMs = 10'000;

  struct Freed {
    SegmentName name;
    std::uint64_t allocated_bytes = 0;
    std::weak_ptr<FileMap> map;                 // Whoever still reads it.
    std::optional<std::int64_t> kept_since_ms;  // Once it could have been deleted.
  };

  const std::uint64_t reuse_bytes_min_;
  std::deque<Freed> segments_;
};

}  // namespace raftmq
