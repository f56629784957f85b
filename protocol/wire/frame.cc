#include "protocol/wire/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"
#include "protocol/wire/messages.h"

namespace raftmq::wire {
namespace {

// Where the fields of the frame header stand; FORMAT.md draws them.
constexpr std::size_t kLengthAt = 0;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kFlagsAt = 6;
constexpr std::size_t kMessageBytesAt = 8;
constexpr std::size_t kMessageCheckAt = 12;
static_assert(kMessageCheckAt + 4 == kFrameHeaderBytes);

constexpr std::size_t kMessageBytesMin = 8;  // One word: the root pointer.
constexpr std::size_t kStageBytes = 16u << 10;
// After a large frame only so much is read before the next header has told where bytes belong:
// what the stage holds of a large frame is copied once more.
constexpr std::size_t kStageBytesAfterLarge = 2u << 10;
constexpr std::size_t kPartBytesMin = 32u << 10;

std::uint32_t MessageCheck(ByteSpan message) { return static_cast<std::uint32_t>(Hash64(message)); }

}  // namespace

void PutFrameHeader(std::byte* to, ByteSpan message, std::size_t attachment_bytes) {
  const std::size_t length = kFrameHeaderBytes - kLengthBytes + message.size() + attachment_bytes;
  RAFTMQ_CHECK(message.size() % 8 == 0);
  RAFTMQ_CHECK(length <= UINT32_MAX);
  StoreLittleEndian(to + kLengthAt, static_cast<std::uint32_t>(length));
  StoreLittleEndian(to + kVersionAt, kWireVersion);
  StoreLittleEndian(to + kFlagsAt, std::uint16_t{0});
  StoreLittleEndian(to + kMessageBytesAt, static_cast<std::uint32_t>(message.size()));
  StoreLittleEndian(to + kMessageCheckAt, MessageCheck(message));
}

FrameReader::FrameReader(std::size_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {
  RAFTMQ_CHECK(frame_bytes_max <= kFrameBytesHardMax);
}

void FrameReader::SetFrameBytesMax(std::size_t bytes) {
  RAFTMQ_CHECK(bytes <= kFrameBytesHardMax);
  frame_bytes_max_ = bytes;
}

void FrameReader::SetMessageBytesMax(std::size_t bytes) { message_bytes_max_ = bytes; }

MutableByteSpan FrameReader::PrepareRead() {
  if (frame_bytes_ == 0 || missing() == 0) return PrepareStage();
  if (parts_.back().used == parts_.back().buffer.size()) AddPart(0);
  Part& part = parts_.back();
  return part.buffer.span().subspan(part.used);
}

MutableByteSpan FrameReader::PrepareStage() {
  if (stage_.size() == 0) stage_ = ByteBuffer(kStageBytes);
  if (stage_begin_ > 0) {
    std::memmove(stage_.data(), stage_.data() + stage_begin_, staged());
    stage_end_ = staged();
    stage_begin_ = 0;
  }
  if (stage_end_ == stage_.size()) {  // Frames are waiting that nobody took with Next.
    ByteBuffer larger(stage_.size() * 2);
    std::memcpy(larger.data(), stage_.data(), stage_end_);
    stage_ = std::move(larger);
  }
  MutableByteSpan room = stage_.span().subspan(stage_end_);
  if (last_was_large_) room = room.first(std::min(room.size(), kStageBytesAfterLarge));
  return room;
}

void FrameReader::Commit(std::size_t count) {
  if (frame_bytes_ == 0 || missing() == 0) {
    RAFTMQ_CHECK(count <= stage_.size() - stage_end_);
    stage_end_ += count;
    return;
  }
  Part& part = parts_.back();
  RAFTMQ_CHECK(count <= part.buffer.size() - part.used);
  part.used += count;
  received_ += count;
}

Result<std::optional<Frame>> FrameReader::Next() {
  if (error_) return Fail(*error_);
  if (frame_bytes_ == 0) {
    if (auto started = StartFrame(); !started) {
      error_ = std::move(started).error();
      return Fail(*error_);
    }
  }
  if (frame_bytes_ == 0 || missing() > 0) return std::optional<Frame>();
  return FinishFrame();
}

bool FrameReader::IsInsideFrame() const { return frame_bytes_ != 0 || staged() > 0; }

std::size_t FrameReader::held_bytes() const {
  std::size_t held = stage_.size();
  for (const Part& part : parts_) held += part.buffer.size();
  return held;
}

// Judges the header as soon as its fields are there (a bad length after 4 bytes) and moves what the
// stage holds of the frame into the frame's first part. Does nothing if bytes are missing.
Status FrameReader::StartFrame() {
  const std::byte* header = stage_.data() + stage_begin_;
  if (staged() < kLengthBytes) return Ok();
  const auto length = LoadLittleEndian<std::uint32_t>(header + kLengthAt);
  RAFTMQ_TRY(CheckLength(length));
  if (staged() < kFrameHeaderBytes) return Ok();

  const auto version = LoadLittleEndian<std::uint16_t>(header + kVersionAt);
  const auto flags = LoadLittleEndian<std::uint16_t>(header + kFlagsAt);
  const auto message_bytes = LoadLittleEndian<std::uint32_t>(header + kMessageBytesAt);
  if (version != kWireVersion || flags != 0) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("expected wire version {} without flags, found version {} and flags "
                            "{:#06x} in the frame header; upgrade the older side",
                            kWireVersion, version, flags));
  }
  const std::size_t frame_bytes = kLengthBytes + length;
  RAFTMQ_TRY(CheckMessageBytes(message_bytes, frame_bytes));
  frame_bytes_ = frame_bytes;
  message_bytes_ = message_bytes;
  message_check_ = LoadLittleEndian<std::uint32_t>(header + kMessageCheckAt);
  received_ = 0;
  const std::size_t here = std::min(staged(), frame_bytes_);
  AddPart(here);
  std::memcpy(parts_.back().buffer.data(), stage_.data() + stage_begin_, here);
  parts_.back().used = received_ = here;
  stage_begin_ += here;
  if (staged() == 0) stage_begin_ = stage_end_ = 0;
  return Ok();
}

Status FrameReader::CheckLength(std::uint32_t length) const {
  constexpr std::size_t kLengthMin = kFrameHeaderBytes - kLengthBytes + kMessageBytesMin;
  if (length < kLengthMin || length > kFrameBytesHardMax) {
    return Fail(ErrorCode::kBadFrame,
                fmt::format("expected a frame length of {} to {}, found {:#x}: the peer does not "
                            "speak the raftmq protocol, or speaks TLS to a clear port",
                            kLengthMin, kFrameBytesHardMax, length));
  }
  if (kLengthBytes + length > frame_bytes_max_) {
    return Fail(ErrorCode::kFrameTooLarge,
                fmt::format("expected a frame of at most {} bytes here, found one of {}; send "
                            "smaller batches or raise the listener's limit",
                            frame_bytes_max_, kLengthBytes + length));
  }
  return Ok();
}

Status FrameReader::CheckMessageBytes(std::size_t message_bytes, std::size_t frame_bytes) const {
  const std::size_t room = frame_bytes - kFrameHeaderBytes;
  if (message_bytes < kMessageBytesMin || message_bytes % 8 != 0 || message_bytes > room) {
    return Fail(ErrorCode::kBadFrame,
                fmt::format("expected a message length of 8 to {} in steps of 8 in the header of a "
                            "frame of {} bytes, found {}",
                            room, frame_bytes, message_bytes));
  }
  if (message_bytes > message_bytes_max_) {
    return Fail(ErrorCode::kFrameTooLarge,
                fmt::format("expected a message of at most {} bytes here, found one of {}; ask for "
                            "fewer topics at once",
                            message_bytes_max_, message_bytes));
  }
  return Ok();
}

void FrameReader::AddPart(std::size_t at_least) {
  const std::size_t trusted = std::max({proven_bytes_, received_, kPartBytesMin, at_least});
  parts_.push_back({ByteBuffer(std::min(missing(), trusted)), 0});
}

Result<std::optional<Frame>> FrameReader::FinishFrame() {
  Frame frame;
  frame.buffer = parts_.size() == 1 ? std::move(parts_.front().buffer) : JoinParts();
  frame.message_bytes = message_bytes_;
  parts_.clear();
  proven_bytes_ = std::max(proven_bytes_, frame_bytes_);
  last_was_large_ = frame_bytes_ > kStageBytes;
  frame_bytes_ = received_ = 0;
  if (const std::uint32_t found = MessageCheck(frame.message()); found != message_check_) {
    error_ = Error{ErrorCode::kBadFrame,
                   fmt::format("expected message check {:#010x} as the frame header says, found "
                               "{:#010x}: the bytes were damaged on the way",
                               message_check_, found)};
    return Fail(*error_);
  }
  return std::optional<Frame>(std::move(frame));
}

ByteBuffer FrameReader::JoinParts() {
  ByteBuffer whole(frame_bytes_);
  std::size_t at = 0;
  for (const Part& part : parts_) {
    std::memcpy(whole.data() + at, part.buffer.data(), part.used);
    at += part.used;
  }
  RAFTMQ_CHECK(at == frame_bytes_);
  return whole;
}

}  // namespace raftmq::wire
