#include "protocol/types/record_decoder.h"

#include <limits>

#include "protocol/types/check.h"
#include "protocol/types/varint.h"

namespace raftmq {
namespace {

// A zigzag varint of 32 bits. False if malformed.
inline bool ReadInt32(const std::byte** at, const std::byte* end, std::int32_t* value) {
  std::uint64_t raw = 0;
  const std::size_t bytes = ReadVarint(*at, end, &raw);
  *at += bytes;
  *value = static_cast<std::int32_t>(ZigzagDecode(raw));
  return bytes != 0 && raw <= std::numeric_limits<std::uint32_t>::max();
}

// False if malformed, null included.
inline bool ReadText(const std::byte** at, const std::byte* end, std::string_view* text) {
  std::int32_t length = 0;
  if (!ReadInt32(at, end, &length) || length < 0 || length > end - *at) return false;
  *text = {reinterpret_cast<const char*>(*at), static_cast<std::size_t>(length)};
  *at += length;
  return true;
}
inline bool ReadText(const std::byte** at, const std::byte* end,
                     std::optional<std::string_view>* text) {
  if (*at < end && static_cast<std::uint64_t>(**at) == kNullLength) {
    *at += 1;
    text->reset();
    return true;
  }
  return ReadText(at, end, &text->emplace());
}

bool ReadHeader(const std::byte** at, const std::byte* end, RecordHeader* header) {
  return ReadText(at, end, &header->name) && ReadText(at, end, &header->value);
}

inline RecordFault ReadDeltas(const std::byte** at, const std::byte* end, RecordDeltas* deltas) {
  std::uint64_t raw = 0;
  const std::size_t bytes = ReadVarint(*at, end, &raw);
  if (bytes == 0) return RecordFault::kTimestampDelta;
  *at += bytes;
  deltas->timestamp = ZigzagDecode(raw);
  std::int32_t offset = 0;
  if (!ReadInt32(at, end, &offset) || offset < 0) return RecordFault::kOffsetDelta;
  deltas->offset = static_cast<std::uint32_t>(offset);
  return RecordFault::kNone;
}

}  // namespace

RecordFault ReadRecord(const std::byte** at, const std::byte* end, RecordFields* fields) {
  std::int32_t length = 0;
  if (!ReadInt32(at, end, &length)) return RecordFault::kLength;
  if (length < 0 || length > end - *at) return RecordFault::kLength;
  const std::byte* next = *at;
  const std::byte* const record_end = next + length;
  if (length == 0 || *next != std::byte{0}) return RecordFault::kAttributes;
  ++next;
  if (const RecordFault fault = ReadDeltas(&next, record_end, &fields->deltas);
      fault != RecordFault::kNone) {
    return fault;
  }
  if (!ReadText(&next, record_end, &fields->key)) return RecordFault::kKey;
  if (!ReadText(&next, record_end, &fields->value)) return RecordFault::kValue;
  std::int32_t headers = 0;
  if (!ReadInt32(&next, record_end, &headers) || headers < 0) return RecordFault::kHeaderCount;
  fields->header_count = static_cast<std::uint32_t>(headers);
  fields->headers = {next, record_end};
  *at = record_end;
  return RecordFault::kNone;
}

RecordFault CheckHeaders(const RecordFields& fields) {
  const std::byte* at = fields.headers.data();
  const std::byte* const end = at + fields.headers.size();
  RecordHeader header;
  // A count that lies runs out of bytes at once: a header takes at least two.
  for (std::uint32_t i = 0; i < fields.header_count; ++i) {
    if (!ReadHeader(&at, end, &header)) return RecordFault::kHeader;
  }
  return at == end ? RecordFault::kNone : RecordFault::kBytesAfterHeaders;
}

std::string_view RecordFaultText(RecordFault fault) {
  switch (fault) {
    case RecordFault::kNone:
      return "nothing wrong";
    case RecordFault::kLength:
      return "its length is malformed or leads beyond the records section";
    case RecordFault::kAttributes:
      return "its attributes are not zero";
    case RecordFault::kTimestampDelta:
      return "its timestamp delta is malformed";
    case RecordFault::kOffsetDelta:
      return "its offset delta is malformed or negative";
    case RecordFault::kKey:
      return "the length of its key is malformed or leads beyond the record";
    case RecordFault::kValue:
      return "the length of its value is malformed or leads beyond the record";
    case RecordFault::kHeaderCount:
      return "its header count is malformed or negative";
    case RecordFault::kHeader:
      return "a header is malformed, leads beyond the record or is missing";
    case RecordFault::kBytesAfterHeaders:
      return "bytes stand after its last header";
  }
  return "unknown fault";
}

void RecordHeaders::Iterator::Decode() { RAFTMQ_CHECK(ReadHeader(&at_, end_, &header_)); }

}  // namespace raftmq
