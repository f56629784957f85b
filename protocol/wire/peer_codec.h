// Peer message <-> Cap'n Proto bytes. Thread-safe: no state is shared between threads.
#pragma once

#include "protocol/types/bytes.h"
#include "protocol/wire/peer_messages.h"
#include "raftmq/result.h"

namespace raftmq::wire {

// As EncodeHead of codec.h.
SharedBytes EncodePeerHead(const PeerMessage& message, std::size_t attachment_bytes);

// Decodes the Cap'n Proto part of a frame under the same bounds as a client's message. Errors:
// kBadMessage (malformed, a client's message, parts of the attachment that do not sum up to
// `attachment_bytes`, too many items), kUnsupported (unknown kind of message), kBadRequest.
Result<PeerMessage> DecodePeerMessage(ByteSpan bytes, std::size_t attachment_bytes);

}  // namespace raftmq::wire
