#include "raftlog/frames.h"

#include "protocol/types/check.h"

namespace raftmq {

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
