#include "segment/next_frame.h"

#include <algorithm>

#include "segment/file_system.h"
#include "segment/frame_check.h"

namespace raftmq {
namespace {

constexpr std::size_t kSearchBytes = 64u << 10;
// How far behind the first frame found the log's own next one is looked for: as far as a write that
// went astray may reach, and at most as far as a damaged entry may.
constexpr std::uint64_t kAstrayBytes = 1u << 20;
constexpr std::uint64_t kLookAheadBytes = 8u << 20;

// Where a frame could begin at the earliest: a multiple of kBatchAlignment, the first one that
// bears the magic, or that has too few bytes behind it to tell.
std::size_t SkipToMagic(ByteSpan window) {
  std::size_t at = 0;
  while (at + kBatchHeaderBytes <= window.size() &&
         LoadLittleEndian<std::uint32_t>(window.data() + at + kBatchMagicAt) != kBatchMagic) {
    at += kBatchAlignment;
  }
  return at;
}

// The first whole frame that begins in [position, end). Behind a log's end there may be a whole
// segment's worth of an older use of the file: this must be as fast as reading.
Result<std::optional<FoundFrame>> FindFrame(const SegmentBytesAt& bytes, std::uint64_t position,
                                            std::uint64_t end, std::uint64_t seed) {
  while (position < end) {
    RAFTMQ_TRY_ASSIGN(const ByteSpan window, bytes(position, kSearchBytes));
    if (window.size() < kBatchHeaderBytes)
      break;  // The end, or the odd end of a file that was cut.
    const std::size_t skipped = SkipToMagic(window);
    position += skipped;
    if (skipped + kBatchHeaderBytes > window.size()) continue;
    if (position >= end) break;
    ByteSpan frame;
    const auto header = FrameAt(bytes, position, seed, &frame);
    if (header) return std::optional<FoundFrame>(FoundFrame{*header, position});
    if (header.error().code == ErrorCode::kIoError) return Fail(header.error());
    position += kBatchAlignment;
  }
  return std::optional<FoundFrame>();
}

// How many bytes of frames follow each other from `from` on; no further than a page that stands in
// the wrong place could hold.
std::uint64_t RunFrom(const SegmentBytesAt& bytes, const FoundFrame& from, std::uint64_t seed) {
  BatchHeader last = from.header;
  std::uint64_t end = from.position + last.padded_length();
  while (end - from.position <= kPageBytes) {
    bool goes_on = false;
    for (const std::uint64_t at : {end, AlignUp(end, kPageBytes)}) {
      ByteSpan frame;
      const auto next = FrameAt(bytes, at, seed, &frame);
      goes_on = next && next->leader.index == last.leader.index.Next() &&
                next->leader.chain == last.header_hash;
      if (!goes_on) continue;
      last = *next;
      end = at + last.padded_length();
      break;
    }
    if (!goes_on) break;
  }
  return std::min(end - from.position, kPageBytes + 1);
}

bool IsBetter(const SegmentBytesAt& bytes, const FoundFrame& one, const FoundFrame& than,
              std::uint64_t seed) {
  const Index index = one.header.leader.index, other = than.header.leader.index;
  if (index != other) return index < other;
  return RunFrom(bytes, one, seed) >= RunFrom(bytes, than, seed);
}

}  // namespace

Result<BatchHeader> FrameAt(const SegmentBytesAt& bytes, std::uint64_t position, std::uint64_t seed,
                            ByteSpan* frame) {
  RAFTMQ_TRY_ASSIGN(ByteSpan head, bytes(position, kBatchHeaderBytes));
  // Old payload may look like headers that claim megabytes: those are not read.
  if (head.size() == kBatchHeaderBytes && IsHeaderGenuine(head, seed)) {
    RAFTMQ_TRY_ASSIGN(head, bytes(position, ClaimedBytes(head)));
  }
  *frame = head;
  return CheckFrame(head, seed);
}

Result<std::optional<FoundFrame>> FindNextFrame(const SegmentBytesAt& bytes, std::uint64_t position,
                                                Index above, std::uint64_t seed) {
  std::optional<FoundFrame> next;
  std::uint64_t first = 0, end = ~std::uint64_t{0};
  while (position < end) {
    RAFTMQ_TRY_ASSIGN(const auto found, FindFrame(bytes, position, end, seed));
    if (!found) break;
    position = found->position + found->header.padded_length();
    const Index index = found->header.leader.index;
    if (index <= above) continue;
    if (!next) {
      first = found->position;
      end = first + kLookAheadBytes;
    }
    if (!next || IsBetter(bytes, *found, *next, seed)) next = found;
    if (found->position - first >= kAstrayBytes) break;
  }
  return next;
}

}  // namespace raftmq
