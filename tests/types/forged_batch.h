// Batches that no BatchBuilder makes: records written field by field, under headers that say what
// they are told, sealed with a hash that holds.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/varint.h"

namespace raftmq {

inline std::string Varint(std::int64_t value) {
  std::byte room[kVarintBytesMax];
  const std::byte* const end = WriteVarint(room, ZigzagEncode(value));
  return {reinterpret_cast<const char*>(room), static_cast<std::size_t>(end - room)};
}

struct ForgedRecord {
  std::optional<std::string> length = std::nullopt;  // nullopt = the true one.
  std::string attributes = std::string(1, '\0');
  std::string timestamp_delta = Varint(0);
  std::string offset_delta = Varint(0);
  std::string key = Varint(-1);
  std::string value = Varint(1) + "v";
  std::string headers = Varint(0);  // Count and headers.
  std::string tail = "";

  std::string Bytes() const {
    const std::string body =
        attributes + timestamp_delta + offset_delta + key + value + headers + tail;
    return length.value_or(Varint(static_cast<std::int64_t>(body.size()))) + body;
  }
};

// The frame of `section` as it stands, with true lengths unless `block` names others.
inline ByteBuffer Forge(std::string_view section, ProducerBlock block) {
  if (block.length == 0)
    block.length = static_cast<std::uint32_t>(kBatchHeaderBytes + section.size());
  if (block.records_bytes == 0) block.records_bytes = static_cast<std::uint32_t>(section.size());
  ByteBuffer frame(AlignUp(block.length, kBatchAlignment));
  std::memset(frame.data(), 0, frame.size());
  std::memcpy(frame.data() + kBatchHeaderBytes, section.data(), section.size());
  SealBatch(frame.span().first(block.length), block);
  return frame;
}

inline ByteBuffer Forge(const std::vector<ForgedRecord>& records) {
  std::string section;
  for (const ForgedRecord& record : records) section += record.Bytes();
  return Forge(section, {.record_count = static_cast<std::uint32_t>(records.size())});
}

// Seals `frame` again with its producer's block changed.
template <class Change>
void Reseal(ByteBuffer* frame, Change change) {
  ProducerBlock block = ParseBatchHeader(frame->span())->producer;
  change(&block);
  SealBatch(frame->span().first(block.length), block);
}

}  // namespace raftmq
