// The payload of a kSession entry, version 1 (little-endian), 16 or 40 bytes:
//
//   0  u16 version   2  u16 what: 1 open, 2 expire, 3 repeat, 4 expire message ids
//   open:    4  u32 epoch   8  u64 session, not 0
//   expire:  4  u32 zero    8  i64 before_ms: sessions last heard of before are dropped
//   repeat:  4  u32 epoch   8  u64 session, not 0   16  u32 sequence   20  u32 zero
//           24  u64 offset  32  i64 append time
//   expire message ids:     as expire
//
// Example, session 9 opened in epoch 2: 01 00 01 00 02 00 00 00 09 00 00 00 00 00 00 00
#pragma once

#include <cstdint>
#include <variant>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "raftmq/result.h"

namespace raftmq {

// The session counts in this epoch from the entry on.
struct SessionOpening {
  SessionId session;
  std::uint32_t epoch = 0;
  bool operator==(const SessionOpening&) const = default;
};
// Sessions whose last batch or opening is older are forgotten.
struct SessionExpiry {
  std::int64_t before_ms = 0;  // By append time.
  bool operator==(const SessionExpiry&) const = default;
};
// The session's record of this sequence has the message id of one that is stored already.
struct SessionRepeat {
  SessionId session;
  std::uint32_t epoch = 0;
  std::uint32_t sequence = 0;
  Offset offset;                    // Of that one.
  std::int64_t append_time_ms = 0;  // And when it was appended.
  bool operator==(const SessionRepeat&) const = default;
};
// Message ids that were appended before are forgotten.
struct MessageIdExpiry {
  std::int64_t before_ms = 0;  // By append time.
  bool operator==(const MessageIdExpiry&) const = default;
};
using SessionEntry = std::variant<SessionOpening, SessionExpiry, SessionRepeat, MessageIdExpiry>;

ByteBuffer EncodeSessionEntry(const SessionEntry& entry);
// Errors: kUnknownFormat, kBadBatch.
Result<SessionEntry> DecodeSessionEntry(ByteSpan payload);

}  // namespace raftmq
