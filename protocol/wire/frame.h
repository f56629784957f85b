// Cuts a byte stream into frames, reading straight into the frame's own buffer: the bytes of a
// batch are not copied again between the socket and the disk job.
#pragma once

#include <cstddef>
#include <optional>

#include "protocol/types/bytes.h"
#include "raftmq/result.h"

namespace raftmq::wire {

inline constexpr std::size_t kFrameHeaderBytes = 16;

// One received frame. The attachment is not yet shared, so that a leader can stamp it in place.
struct Frame {
  ByteBuffer buffer;  // Frame header, message, attachment.
  std::size_t message_bytes = 0;

  ByteSpan message() const { return buffer.span().subspan(kFrameHeaderBytes, message_bytes); }
  std::size_t attachment_at() const { return kFrameHeaderBytes + message_bytes; }
  ByteSpan attachment() const { return buffer.span().subspan(attachment_at()); }
};

// Not thread-safe. Memory stays within twice the bytes received plus 64 KiB, whatever a length
// claims, until a connection has proven itself with frames of that size.
class FrameReader {
 public:
  explicit FrameReader(std::size_t frame_bytes_max);
  void SetFrameBytesMax(std::size_t bytes);  // Raised once the hello is accepted.
  MutableByteSpan PrepareRead();             // Never empty.
  // Takes in `count` bytes; then Next gives frames until it gives nullopt.
  void Commit(std::size_t count);
  // Errors end the connection: kBadFrame, kFrameTooLarge, kUnsupported (wire version).
  Result<std::optional<Frame>> Next();
  bool IsInsideFrame() const;  // Bytes of an unfinished frame are waiting.

 private:
  // Chosen by the implementation.
};

}  // namespace raftmq::wire
