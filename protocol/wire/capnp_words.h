// What both codecs do around the schema: one segment out, strict bounds in. Included by the codecs
// only.
#pragma once

#include "protocol/wire/kj_shim.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "protocol/types/bytes.h"
#include "protocol/types/check.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/utf8.h"
#include "raftmq/result.h"

namespace raftmq::wire {

// The first word of every peer message, where a client's has its request id: the two never pass for
// each other.
inline constexpr std::uint64_t kPeerMagic = 0x7265'6570'716d'7472;  // "rtmqpeer".

inline constexpr std::size_t kWordBytes = sizeof(capnp::word);
inline constexpr int kNestingMax = 16;
inline constexpr std::uint64_t kTraversalPerWord = 4;

inline kj::StringPtr TextOf(const std::string& text) { return {text.c_str(), text.size()}; }

inline unsigned ListSize(std::size_t n) {
  RAFTMQ_CHECK(n < (1u << 29));  // Cap'n Proto's bound of a list.
  return static_cast<unsigned>(n);
}

inline SharedBytes FrameHeadOf(kj::ArrayPtr<const capnp::word> segment,
                               std::size_t attachment_bytes) {
  const ByteSpan message = std::as_bytes(std::span(segment.begin(), segment.size()));
  auto block = std::make_shared_for_overwrite<std::byte[]>(kFrameHeaderBytes + message.size());
  std::byte* const at = block.get();
  std::memcpy(at + kFrameHeaderBytes, message.data(), message.size());
  PutFrameHeader(at, message, attachment_bytes);
  return {std::move(block), {at, kFrameHeaderBytes + message.size()}};
}

// Room for most messages. Zero between uses, as the builder wants it.
inline constexpr std::size_t kScratchWords = 512;
inline thread_local capnp::word scratch_words[kScratchWords];

// `build(builder)` makes the whole message; it may be called twice.
template <class Build>
SharedBytes EncodeOneSegment(const Build& build, std::size_t attachment_bytes) {
  std::size_t words = 0;
  {
    capnp::MallocMessageBuilder builder(kj::arrayPtr(scratch_words, kScratchWords));
    build(builder);
    const auto segments = builder.getSegmentsForOutput();
    if (segments.size() == 1) return FrameHeadOf(segments[0], attachment_bytes);
    for (const auto& segment : segments) words += segment.size();
  }
  // The message is one segment on the wire. All segments together, with the far pointers that
  // become unnecessary, are more than enough room for one.
  capnp::MallocMessageBuilder builder(ListSize(words));
  build(builder);
  const auto segments = builder.getSegmentsForOutput();
  RAFTMQ_CHECK(segments.size() == 1);
  return FrameHeadOf(segments[0], attachment_bytes);
}

// Text without its NUL is a wrong value in a well-formed message, but Cap'n Proto reports it like
// any broken pointer; only its wording tells (a test pins it).
inline ErrorCode CodeOfFault(std::string_view description) {
  return description.find("NUL") != std::string_view::npos ? ErrorCode::kBadRequest
                                                           : ErrorCode::kBadMessage;
}

// Calls `decode(root reader, message words)` for the message in `bytes`, any bytes at all.
template <class Root, class Decode>
auto DecodeOneSegment(ByteSpan bytes, const Decode& decode)
    -> decltype(decode(std::declval<typename Root::Reader>(), std::size_t{})) {
  if (bytes.empty() || bytes.size() % kWordBytes != 0) {
    return Fail(
        ErrorCode::kBadMessage,
        fmt::format("expected a message of whole 8-byte words, found {} bytes", bytes.size()));
  }
  ByteBuffer aligned;  // Bytes of a frame are aligned; others are copied.
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kWordBytes != 0) {
    aligned = ByteBuffer(bytes.size());
    std::memcpy(aligned.data(), bytes.data(), bytes.size());
    bytes = aligned.span();
  }
  try {
    const auto words =
        kj::arrayPtr(reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / kWordBytes);
    capnp::ReaderOptions options;
    options.traversalLimitInWords = words.size() * kTraversalPerWord;
    options.nestingLimit = kNestingMax;
    const kj::ArrayPtr<const capnp::word> segments[] = {words};
    capnp::SegmentArrayMessageReader reader(segments, options);
    return decode(reader.getRoot<Root>(), words.size());
  } catch (const kj::Exception& exception) {
    const kj::StringPtr what = exception.getDescription();
    const std::string_view description(what.begin(), what.size());
    return Fail(CodeOfFault(description), "expected a well-formed Cap'n Proto message, found: " +
                                              BoundedUtf8(description, 200));
  }
}

}  // namespace raftmq::wire
