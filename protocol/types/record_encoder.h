// Writing the bytes of one record (FORMAT.md draws them). Internal to protocol/types: others use
// BatchBuilder. All of it is inline: a record of 100 bytes costs about as much as a call or two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/types/record.h"
#include "protocol/types/record_decoder.h"
#include "protocol/types/varint.h"

namespace raftmq {

namespace encoder_internal {

inline std::size_t TextBytes(std::string_view text) {
  return VarintBytes(std::uint64_t{text.size()} << 1) + text.size();
}
inline std::size_t TextBytes(const std::optional<std::string_view>& text) {
  return text ? TextBytes(*text) : 1;
}

inline std::byte* WriteText(std::byte* to, std::string_view text) {
  to = WriteVarint(to, std::uint64_t{text.size()} << 1);
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}
inline std::byte* WriteText(std::byte* to, const std::optional<std::string_view>& text) {
  if (text) return WriteText(to, *text);
  *to = static_cast<std::byte>(kNullLength);
  return to + 1;
}

}  // namespace encoder_internal

// Bytes of the record after its length field.
inline std::size_t RecordBodyBytes(const Record& record, RecordDeltas deltas) {
  using encoder_internal::TextBytes;
  std::size_t bytes = 1 + VarintBytes(ZigzagEncode(deltas.timestamp)) +
                      VarintBytes(std::uint64_t{deltas.offset} << 1) + TextBytes(record.key) +
                      TextBytes(record.value) +
                      VarintBytes(std::uint64_t{record.headers.size()} << 1);
  for (const RecordHeader& header : record.headers)
    bytes += TextBytes(header.name) + TextBytes(header.value);
  return bytes;
}

// Writes length and body and returns the place after them. REQUIRES: body_bytes as computed by
// RecordBodyBytes, and kVarintBytesMax more bytes of room than length and body take.
inline std::byte* WriteRecord(std::byte* to, const Record& record, RecordDeltas deltas,
                              std::size_t body_bytes) {
  using encoder_internal::WriteText;
  to = WriteVarint(to, std::uint64_t{body_bytes} << 1);
  *to++ = std::byte{0};  // Attributes: none are defined.
  to = WriteVarint(to, ZigzagEncode(deltas.timestamp));
  to = WriteVarint(to, std::uint64_t{deltas.offset} << 1);
  to = WriteText(to, record.key);
  to = WriteText(to, record.value);
  to = WriteVarint(to, std::uint64_t{record.headers.size()} << 1);
  for (const RecordHeader& header : record.headers)
    to = WriteText(WriteText(to, header.name), header.value);
  return to;
}

}  // namespace raftmq
