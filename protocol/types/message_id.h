// The identity that a user gives to a message, so that a partition takes it once however often it
// is sent and by whomever (topic setting "message.id.window"). It travels as the first header of
// the only record of an uncompressed batch, whose own header says that it is there (FORMAT.md).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "raftmq/result.h"

namespace raftmq {

inline constexpr std::string_view kMessageIdHeader = "message.id";
inline constexpr std::size_t kMessageIdBytesMax = 256;  // Of the text, which is not empty.

// The XXH3-128 of the text, which is what brokers remember: two texts with the same one have to be
// looked for on purpose.
struct MessageId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  constexpr auto operator<=>(const MessageId&) const = default;
};

MessageId MessageIdOf(std::string_view text);

// The id of the batch, whose records section is `section`. REQUIRES: producer.has_message_id, and
// ParseBatchHeader has checked the header. Errors: kBadBatch if it does not begin with an id.
Result<MessageId> MessageIdOf(const ProducerBlock& producer, ByteSpan section);

}  // namespace raftmq

template <>
struct std::hash<raftmq::MessageId> {
  std::size_t operator()(const raftmq::MessageId& id) const { return id.low; }
};
