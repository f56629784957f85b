// Walking the frames of a verified slice of the log.
#pragma once

#include <cstddef>
#include <optional>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"

namespace raftmq {

// One frame within a slice.
struct Frame {
  BatchHeader header;
  SharedBytes bytes;  // Padded.

  // The section behind the header: a control entry's payload.
  ByteSpan payload() const {
    return bytes.view().subspan(kBatchHeaderBytes, header.producer.length - kBatchHeaderBytes);
  }
};

// True for part 0 of a checkpoint, which opens a segment.
bool IsCheckpointStart(const Frame& frame);

// Walks the frames from the first to the last. REQUIRES: the slice holds whole verified frames.
class FrameCursor {
 public:
  explicit FrameCursor(SharedBytes slice) : slice_(std::move(slice)) {}
  // nullopt after the last.
  std::optional<Frame> Next();

 private:
  SharedBytes slice_;
  std::size_t at_ = 0;
};

}  // namespace raftmq
