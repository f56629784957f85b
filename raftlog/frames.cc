#include "raftlog/frames.h"

#include "protocol/types/check.h"
#include "segment/checkpoint.h"

namespace raftmq {

bool IsCheckpointStart(const Frame& frame) {
  if (frame.header.producer.kind != EntryKind::kCheckpoint) return false;
  const Result<CheckpointPart> part = ParseCheckpointPart(frame.payload());
  return part && part->part == 0;
}

std::optional<Frame> FrameCursor::Next() {
  if (at_ >= slice_.size()) return std::nullopt;
  const Result<BatchHeader> header = ParseBatchHeader(slice_.view().subspan(at_));
  RAFTMQ_CHECK(header.has_value());
  const std::size_t length = header->padded_length();
  RAFTMQ_CHECK(length <= slice_.size() - at_);
  Frame frame{.header = *header, .bytes = slice_.Slice(at_, length)};
  at_ += length;
  return frame;
}

}  // namespace raftmq
