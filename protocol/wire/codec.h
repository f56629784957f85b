// Message <-> Cap'n Proto bytes. Thread-safe: no state is shared between threads.
#pragma once

#include "protocol/types/bytes.h"
#include "protocol/wire/messages.h"
#include "raftmq/result.h"

namespace raftmq::wire {

// Error messages are cut to this many bytes when they are encoded.
inline constexpr std::size_t kErrorTextBytesMax = 4096;

// The whole head of a frame: frame header and message; the attachment follows it on the wire.
// FORMAT.md draws the frame. REQUIRES: attachment_bytes is the sum of what will follow; texts other
// than error messages are UTF-8, else the peer answers kBadRequest.
SharedBytes EncodeHead(const Message& message, std::size_t attachment_bytes);

// Decodes the Cap'n Proto part of a frame under strict bounds (traversal = message words x 4,
// nesting 16, one segment). Errors: kBadMessage, kBadRequest (value out of range, bad UTF-8),
// kUnsupported (unknown operation); request_id is filled in whenever it could be read (else 0), so
// that an error can be answered.
Result<Message> DecodeMessage(ByteSpan bytes, std::uint64_t* request_id);

}  // namespace raftmq::wire
