// Cuts a byte stream into frames, reading straight into the frame's own buffer: the bytes of a
// batch are not copied again between the socket and the disk job. FORMAT.md draws the frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/types/bytes.h"
#include "raftmq/result.h"

namespace raftmq::wire {

inline constexpr std::size_t kFrameHeaderBytes = 16;
// No listener may allow more; a larger claim is not a big frame but nonsense (kBadFrame).
inline constexpr std::size_t kFrameBytesHardMax = 64u << 20;
// The bound of a connection until its hello is accepted.
inline constexpr std::size_t kFrameBytesBeforeHello = 8u << 10;
inline constexpr std::size_t kFrameBytesMaxDefault = 8u << 20;
// What a broker allows the message of a request to be: decoding a hostile one of this size takes
// well below a millisecond. Batches are not part of the message.
inline constexpr std::size_t kRequestMessageBytesMax = 64u << 10;

// Fills in the frame header in front of `message`. REQUIRES: the frame stays below 4 GiB,
// message.size() is a multiple of 8 and kFrameHeaderBytes may be written at `to`.
void PutFrameHeader(std::byte* to, ByteSpan message, std::size_t attachment_bytes);

// One received frame. The attachment is not yet shared, so that a leader can stamp it in place.
struct Frame {
  ByteBuffer buffer;  // Frame header, message, attachment.
  std::size_t message_bytes = 0;

  ByteSpan message() const { return buffer.span().subspan(kFrameHeaderBytes, message_bytes); }
  std::size_t attachment_at() const { return kFrameHeaderBytes + message_bytes; }
  ByteSpan attachment() const { return buffer.span().subspan(attachment_at()); }
};

// Not thread-safe. Movable: it goes along, with what it has read ahead, when its connection is
// given to another loop. Memory stays within twice the bytes received plus 64 KiB, whatever a
// length claims, until a connection has proven itself with frames of that size.
//
// Bytes land in one of two places. Between frames they go to the small stage, where headers are
// read and from where small frames are copied out. Once a header has named a frame that the stage
// does not hold, the rest is received into parts of the frame itself: one part if a frame of that
// size has been received before, else parts that double with what has come in, joined at the end.
class FrameReader {
 public:
  // `frame_bytes_max` counts a whole frame, its header included; at most kFrameBytesHardMax.
  explicit FrameReader(std::size_t frame_bytes_max);
  void SetFrameBytesMax(std::size_t bytes);  // Raised once the hello is accepted.
  // Bounds the message apart from its attachment; for who receives requests. Default: the frame's.
  void SetMessageBytesMax(std::size_t bytes);
  // Where the next bytes belong; never empty, valid until the next call to this object. To receive
  // into it and to Commit is best done after Next gave nullopt.
  MutableByteSpan PrepareRead();
  // Takes in `count` bytes; then Next gives frames until it gives nullopt.
  // REQUIRES: count <= the size of the span that PrepareRead gave.
  void Commit(std::size_t count);
  // Errors end the connection and come back on every later call: kBadFrame, kFrameTooLarge,
  // kUnsupported (wire version, flags).
  Result<std::optional<Frame>> Next();
  bool IsInsideFrame() const;      // Bytes of an unfinished frame are waiting.
  std::size_t held_bytes() const;  // Memory held for bytes received or to be received.

 private:
  struct Part {
    ByteBuffer buffer;
    std::size_t used = 0;
  };

  std::size_t staged() const { return stage_end_ - stage_begin_; }
  std::size_t missing() const { return frame_bytes_ - received_; }
  MutableByteSpan PrepareStage();
  Status StartFrame();
  void AddPart(std::size_t at_least);
  Result<std::optional<Frame>> FinishFrame();
  ByteBuffer JoinParts();
  Status CheckLength(std::uint32_t length) const;
  Status CheckMessageBytes(std::size_t message_bytes, std::size_t frame_bytes) const;

  std::size_t frame_bytes_max_;
  std::size_t message_bytes_max_ = kFrameBytesHardMax;
  std::size_t proven_bytes_ = 0;  // The largest frame that was received whole.
  std::optional<Error> error_;    // Sticky.

  // The stage holds [stage_begin_, stage_end_) of the stream's newest bytes.
  ByteBuffer stage_;
  std::size_t stage_begin_ = 0;
  std::size_t stage_end_ = 0;
  bool last_was_large_ = false;  // A large frame is likely to be followed by another.

  // The frame under way; frame_bytes_ == 0 between frames.
  std::size_t frame_bytes_ = 0;
  std::size_t message_bytes_ = 0;
  std::uint32_t message_check_ = 0;
  std::size_t received_ = 0;  // <= frame_bytes_; the sum of the parts' used bytes.
  std::vector<Part> parts_;   // Only the last one has room.
};

}  // namespace raftmq::wire
