#include "segment/segment_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "segment/frame_check.h"
#include "segment/next_frame.h"

namespace raftmq {
namespace {

constexpr std::size_t kWindowBytes = 1u << 20;

// The frame at `position`, which must be the entry that follows `before`.
Result<BatchHeader> NextFrameAt(const SegmentBytesAt& bytes, std::uint64_t position,
                                const LogTail& before, std::uint64_t seed, ByteSpan* frame) {
  RAFTMQ_TRY_ASSIGN(const BatchHeader header, FrameAt(bytes, position, seed, frame));
  const LeaderBlock& leader = header.leader;
  if (leader.index != before.index.Next()) {
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("expected index {}, found {}", before.index.Next().value(),
                            leader.index.value()));
  }
  if (leader.chain != before.chain)
    return Fail(ErrorCode::kDataCorrupt, "the chain to the entry before does not hold");
  if (leader.base_offset != before.next_offset) {
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("expected offset {}, found {}", before.next_offset.value(),
                            leader.base_offset.value()));
  }
  return header;
}

Result<bool> IsZeroFrom(SegmentBytes& bytes, std::uint64_t position) {
  while (position < bytes.size()) {
    RAFTMQ_TRY_ASSIGN(const ByteSpan window, bytes.Get(position, kWindowBytes));
    if (!IsAllZero(window)) return false;
    position += window.size();
  }
  return true;
}

// The frame with which the log goes on behind `scan`, at whose end there is none.
Result<std::optional<FoundFrame>> FindBehind(const SegmentBytesAt& bytes, const SegmentScan& scan,
                                             std::uint64_t seed) {
  RAFTMQ_TRY_ASSIGN(auto next, FindNextFrame(bytes, scan.end, scan.tail.index, seed));
  const Index following = scan.tail.index.Next();
  const bool is_there = next && (next->header.leader.index > following ||
                                 next->position <= AlignUp(scan.end, kPageBytes));
  if (!next || is_there) return next;
  // The next entry itself, further away than its writer put it: a page that went astray, and no
  // reader gets to it. The entry is missing.
  return FindNextFrame(bytes, scan.end, following, seed);
}

}  // namespace

Result<SegmentBytes> SegmentBytes::Open(FileSystem& files, const std::string& path, bool direct) {
  RAFTMQ_TRY_ASSIGN(auto file, files.Open(path, direct ? OpenMode::kDirect : OpenMode::kRead));
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, file->Size());
  std::unique_ptr<File> odd_end;
  if (file->IsDirect() && size % kPageBytes != 0) {
    RAFTMQ_TRY_ASSIGN(odd_end, files.Open(path, OpenMode::kRead));
  }
  return SegmentBytes(std::move(file), std::move(odd_end), size);
}

void SegmentBytes::EndAt(std::uint64_t end, std::uint64_t page_at, SharedBytes page) {
  end_ = end;
  page_at_ = page_at;
  page_ = std::move(page);
}

Result<ByteSpan> SegmentBytes::Get(std::uint64_t at, std::size_t count) {
  if (at >= size()) return ByteSpan();
  count = static_cast<std::size_t>(std::min<std::uint64_t>(count, size() - at));
  if (at < window_at_ || at + count > window_at_ + window_bytes_) {
    window_at_ = AlignDown(at, kPageBytes);
    const std::uint64_t rest = AlignUp(static_cast<std::size_t>(size_ - window_at_), kPageBytes);
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(
        std::max(kWindowBytes, AlignUp(at + count - window_at_, kPageBytes)), rest));
    if (!window_ || window_->size() < wanted) window_ = std::make_unique<AlignedBlock>(wanted);
    window_bytes_ = std::min<std::uint64_t>(wanted, size_ - window_at_);
    RAFTMQ_TRY(ReadWindow());
    if (!page_.empty() && page_at_ >= window_at_ && page_at_ - window_at_ < window_bytes_) {
      const std::size_t skip = static_cast<std::size_t>(page_at_ - window_at_);
      std::memcpy(window_->data() + skip, page_.data(),
                  std::min(page_.size(), window_bytes_ - skip));
    }
  }
  const std::size_t skip = static_cast<std::size_t>(at - window_at_);
  if (skip >= window_bytes_) return ByteSpan();
  return ByteSpan(window_->data() + skip, std::min(count, window_bytes_ - skip));
}

Status SegmentBytes::ReadWindow() {
  const std::size_t whole =
      odd_end_ != nullptr ? AlignDown(window_bytes_, kPageBytes) : window_bytes_;
  RAFTMQ_TRY(ReadPages(*file_, 0, whole));
  return whole < window_bytes_ ? ReadPages(*odd_end_, whole, window_bytes_) : Ok();
}

// A sector that cannot be read costs its page, not the segment: what stands there is no frame, nor
// zeros.
Status SegmentBytes::ReadPages(const File& file, std::size_t begin, std::size_t end) {
  const Status whole = file.Read(window_at_ + begin, {window_->data() + begin, end - begin});
  if (whole || whole.error().code != ErrorCode::kIoError) return whole;
  for (std::size_t at = begin; at < end; at += kPageBytes) {
    const std::size_t bytes = std::min(kPageBytes, end - at);
    if (!file.Read(window_at_ + at, {window_->data() + at, bytes}))
      std::fill_n(window_->data() + at, bytes, kUnreadableByte);
  }
  return Ok();
}

LogTail TailAfter(const BatchHeader& header) {
  return {header.leader.index, header.leader.term, header.end_offset(), header.header_hash,
          header.leader.append_time_ms};
}

Status TakeChainFromFront(SegmentBytes& bytes, LogTail* before) {
  if (before->chain != 0) return Ok();
  RAFTMQ_TRY_ASSIGN(const ByteSpan head, bytes.Get(0, kBatchHeaderBytes));
  if (head.size() < kBatchHeaderBytes) return Ok();
  if (const auto header = ParseBatchHeader(head)) before->chain = header->leader.chain;
  return Ok();
}

Result<bool> ScanNext(SegmentBytes& bytes, std::uint64_t group_seed, SegmentScan* scan,
                      const OnScannedFrame& on_frame, const OnScannedGap& on_gap) {
  const SegmentBytesAt get = [&bytes](std::uint64_t from, std::size_t count) {
    return bytes.Get(from, count);
  };
  ByteSpan frame;
  auto header = NextFrameAt(get, scan->end, scan->tail, group_seed, &frame);
  std::uint64_t at = scan->end;
  if (!header && at % kPageBytes != 0) {  // A job may have begun on a fresh page.
    const std::uint64_t page = AlignUp(at, kPageBytes);
    ByteSpan page_frame;
    const auto on_page = NextFrameAt(get, page, scan->tail, group_seed, &page_frame);
    if (!on_page && on_page.error().code == ErrorCode::kUnknownFormat) return Fail(on_page.error());
    if (on_page) {
      RAFTMQ_TRY_ASSIGN(const ByteSpan between, bytes.Get(at, page - at));
      if (IsAllZero(between)) {
        header = NextFrameAt(get, page, scan->tail, group_seed, &frame);
        at = page;
      }
    }
  }
  if (!header) {
    if (header.error().code != ErrorCode::kDataCorrupt) return Fail(header.error());
    RAFTMQ_TRY_ASSIGN(const auto next, FindBehind(get, *scan, group_seed));
    scan->end_reason = header.error().message;
    if (!next) return false;
    const LeaderBlock& leader = next->header.leader;
    ScanGap gap{scan->tail,         scan->end,    next->position, leader.index,
                leader.base_offset, leader.chain, leader.term,    header.error().message};
    if (leader.index == scan->tail.index.Next()) {  // Only what should be zeros before it is bad.
      gap.next = leader.index.Next();
      gap.next_offset = next->header.end_offset();
      gap.last_hash = next->header.header_hash;
    }
    on_gap(gap);
    scan->tail = {leader.index.Minus(1), leader.term, leader.base_offset, leader.chain,
                  leader.append_time_ms};
    scan->end = next->position;
    return true;
  }
  on_frame(*header, frame.first(header->padded_length()), at);
  scan->tail = TailAfter(*header);
  scan->frame_at = at;
  scan->end = at + header->padded_length();
  return true;
}

Result<SegmentScan> ScanSegment(SegmentBytes& bytes, std::uint64_t position, const LogTail& before,
                                std::uint64_t group_seed, const OnScannedFrame& on_frame,
                                const OnScannedGap& on_gap) {
  SegmentScan scan;
  scan.tail = before;
  scan.end = position;
  for (bool goes_on = true; goes_on;) {
    RAFTMQ_TRY_ASSIGN(goes_on, ScanNext(bytes, group_seed, &scan, on_frame, on_gap));
  }
  RAFTMQ_TRY_ASSIGN(scan.rest_is_zero, IsZeroFrom(bytes, scan.end));
  return scan;
}

}  // namespace raftmq
