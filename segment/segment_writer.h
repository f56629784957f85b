// Appends to one segment file: whole pages through a direct descriptor, the unfinished last page
// kept in memory and written again with the next append.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "protocol/types/bytes.h"
#include "raftmq/result.h"
#include "segment/file_system.h"

namespace raftmq {

// A block whose address is a multiple of kPageBytes, as direct I/O needs it. Not zeroed. Immovable.
class AlignedBlock {
 public:
  explicit AlignedBlock(std::size_t size);
  ~AlignedBlock();
  AlignedBlock(const AlignedBlock&) = delete;
  AlignedBlock& operator=(const AlignedBlock&) = delete;
  std::byte* data() { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::byte* const data_;
  const std::size_t size_;
};

// Where jobs are gathered before they are written; one per disk job at a time, shared by writers.
inline constexpr std::size_t kStagingBytes = 1u << 20;

// Used by one thread at a time. An error is final.
class SegmentWriter {
 public:
  // Goes on at `position`: reads the unfinished page back from the disk, not from a cache.
  static Result<std::unique_ptr<SegmentWriter>> Open(FileSystem& files, const std::string& path,
                                                     std::uint64_t position);

  // Writes the frames, each at the next multiple of 8 bytes (its bytes are padded to it), or on a
  // fresh page first. REQUIRES: they fit.
  Status Append(std::span<const SharedBytes> frames, bool on_fresh_page, AlignedBlock& staging);
  Status Sync() { return file_->Sync(); }
  // Makes everything from `position` on zeros: the page it lies in from memory or disk, the rest by
  // the file.
  Status CutFrom(std::uint64_t position);

  // Takes the unfinished page from the disk anew.
  Status ReadUnfinishedPage() { return ReadPage(position_); }

  std::uint64_t position() const { return position_; }
  // The bytes of the unfinished last page up to position(); empty at a page's start.
  ByteSpan unfinished_page() const {
    return ByteSpan(page_->data(), static_cast<std::size_t>(position_ % kPageBytes));
  }
  std::uint64_t capacity() const { return capacity_; }

 private:
  SegmentWriter(std::unique_ptr<File> file, std::uint64_t capacity);
  Status ReadPage(std::uint64_t position);

  std::unique_ptr<File> file_;
  const std::uint64_t capacity_;
  std::uint64_t position_ = 0;
  std::unique_ptr<AlignedBlock> page_;  // Bytes before position_ in its page, zeros after.
};

}  // namespace raftmq
