// Reading the bytes of one record (FORMAT.md draws them). Internal to protocol/types: others use
// ValidateBatch, OpenRecords and BatchCursor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/types/bytes.h"
#include "protocol/types/record.h"
#include "protocol/types/varint.h"

namespace raftmq {

// Each of a record's seven fixed parts takes at least a byte.
inline constexpr std::size_t kRecordBytesMin = 7;
// The length of a null key, value or header value, as written: one byte.
inline constexpr std::uint64_t kNullLength = ZigzagEncode(-1);

struct RecordDeltas {
  std::int64_t timestamp = 0;  // To the batch's base timestamp.
  std::uint32_t offset = 0;    // Place in the batch.
};

// What is wrong with a record.
enum class RecordFault : std::uint8_t {
  kNone,
  kLength,
  kAttributes,
  kTimestampDelta,
  kOffsetDelta,
  kKey,
  kValue,
  kHeaderCount,
  kHeader,
  kBytesAfterHeaders,
};
std::string_view RecordFaultText(RecordFault fault);

// A record's fields in place. Its headers are not looked at before CheckHeaders.
struct RecordFields {
  RecordDeltas deltas;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::uint32_t header_count = 0;
  ByteSpan headers;  // The rest of the record.
};

// Decodes the record at *at and moves *at behind it; safe on any bytes up to `end`.
RecordFault ReadRecord(const std::byte** at, const std::byte* end, RecordFields* fields);
// Walks the headers: each within the record, nothing after the last.
RecordFault CheckHeaders(const RecordFields& fields);

}  // namespace raftmq
