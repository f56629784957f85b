// Finds where a log goes on behind bytes that are not its next frame.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "raftmq/result.h"

namespace raftmq {

// The bytes [at, at + count) of a segment, cut at its end; valid until the next call.
using SegmentBytesAt = std::function<Result<ByteSpan>(std::uint64_t at, std::size_t count)>;

struct FoundFrame {
  BatchHeader header;
  std::uint64_t position = 0;
};

// The frame at `position`, whole by itself, and its bytes; kDataCorrupt if there is none.
Result<BatchHeader> FrameAt(const SegmentBytesAt& bytes, std::uint64_t position,
                            std::uint64_t group_seed, ByteSpan* frame);

// The whole frame from `position` on with which the log goes on behind its entry `above`: of those
// near the first one the lowest index, and of its copies that behind which the log goes on, or the
// last. A page that a disk wrote to the wrong place holds whole frames too: of other entries, or of
// these, but then the page's end is theirs. Nothing if there is no frame with a higher index.
Result<std::optional<FoundFrame>> FindNextFrame(const SegmentBytesAt& bytes, std::uint64_t position,
                                                Index above, std::uint64_t group_seed);

}  // namespace raftmq
