#include "segment/segment_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "protocol/types/check.h"

namespace raftmq {

AlignedBlock::AlignedBlock(std::size_t size)
    : data_(static_cast<std::byte*>(std::aligned_alloc(kPageBytes, AlignUp(size, kPageBytes)))),
      size_(size) {
  RAFTMQ_CHECK(data_ != nullptr);
}

AlignedBlock::~AlignedBlock() { std::free(data_); }

SegmentWriter::SegmentWriter(std::unique_ptr<File> file, std::uint64_t capacity)
    : file_(std::move(file)),
      capacity_(capacity),
      page_(std::make_unique<AlignedBlock>(kPageBytes)) {
  std::memset(page_->data(), 0, kPageBytes);
}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::Open(FileSystem& files,
                                                           const std::string& path,
                                                           std::uint64_t position) {
  RAFTMQ_TRY_ASSIGN(auto file, files.Open(path, OpenMode::kDirect));
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, file->Size());
  const std::uint64_t capacity = AlignDown(size, kPageBytes);
  if (position > capacity)
    return Fail(
        ErrorCode::kDataCorrupt,
        fmt::format("expected '{}' to have {} bytes at least, found {}", path, position, size));
  std::unique_ptr<SegmentWriter> writer(new SegmentWriter(std::move(file), capacity));
  RAFTMQ_TRY(writer->ReadPage(position));
  return writer;
}

Status SegmentWriter::ReadPage(std::uint64_t position) {
  RAFTMQ_CHECK(position <= capacity_);
  position_ = position;
  const std::size_t used = position % kPageBytes;
  if (used > 0) {
    const Status read = file_->Read(AlignDown(position, kPageBytes), {page_->data(), kPageBytes});
    if (!read && read.error().code != ErrorCode::kIoError) return read;
    // Its entries are damage, which need not keep others from being written behind them.
    if (!read) std::memset(page_->data(), std::to_integer<int>(kUnreadableByte), used);
  }
  std::memset(page_->data() + used, 0, kPageBytes - used);
  return Ok();
}

Status SegmentWriter::Append(std::span<const SharedBytes> frames, bool on_fresh_page,
                             AlignedBlock& staging) {
  if (on_fresh_page) RAFTMQ_TRY(ReadPage(AlignUp(position_, kPageBytes)));
  std::size_t filled = position_ % kPageBytes;
  std::uint64_t at = position_ - filled;  // Where the staging block will be written.
  std::memcpy(staging.data(), page_->data(), filled);
  for (const auto& frame : frames) {
    RAFTMQ_CHECK(frame.size() % 8 == 0);
    RAFTMQ_CHECK(position_ + frame.size() <= capacity_);
    for (ByteSpan rest = frame.view(); !rest.empty();) {
      const std::size_t count = std::min(rest.size(), staging.size() - filled);
      std::memcpy(staging.data() + filled, rest.data(), count);
      rest = rest.subspan(count);
      filled += count;
      if (filled == staging.size()) {
        RAFTMQ_TRY(file_->Write(at, {staging.data(), filled}));
        at += filled;
        filled = 0;
      }
    }
    position_ += frame.size();
  }
  const std::size_t padded = AlignUp(filled, kPageBytes);
  std::memset(staging.data() + filled, 0, padded - filled);
  if (padded > 0) RAFTMQ_TRY(file_->Write(at, {staging.data(), padded}));
  const std::size_t unfinished = filled % kPageBytes;
  std::memcpy(page_->data(), staging.data() + filled - unfinished, unfinished);
  std::memset(page_->data() + unfinished, 0, kPageBytes - unfinished);
  return Ok();
}

Status SegmentWriter::CutFrom(std::uint64_t position) {
  RAFTMQ_TRY(ReadPage(position));
  const std::uint64_t page_at = AlignDown(position, kPageBytes);
  if (position != page_at) RAFTMQ_TRY(file_->Write(page_at, {page_->data(), kPageBytes}));
  const std::uint64_t zeros_at = AlignUp(position, kPageBytes);
  return file_->Zero(zeros_at, capacity_ - zeros_at);
}

}  // namespace raftmq
