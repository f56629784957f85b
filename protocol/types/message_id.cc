#include "protocol/types/message_id.h"

#include <fmt/format.h>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"
#include "protocol/types/record_decoder.h"

namespace raftmq {

MessageId MessageIdOf(std::string_view text) {
  const Hash128Value hash = Hash128(AsBytes(text));
  return {hash.high, hash.low};
}

Result<MessageId> MessageIdOf(const ProducerBlock& producer, ByteSpan section) {
  RAFTMQ_CHECK(producer.has_message_id);
  const std::byte* at = section.data();
  RecordFields fields;
  RecordFault fault = ReadRecord(&at, at + section.size(), &fields);
  if (fault == RecordFault::kNone) fault = CheckHeaders(fields);
  if (fault != RecordFault::kNone) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("a record with a message id: {}", RecordFaultText(fault)));
  }
  const RecordHeaders headers(fields.headers, fields.header_count);
  if (headers.empty() || headers.begin()->name != kMessageIdHeader || !headers.begin()->value) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("expected the message id in a first header '{}', found none",
                            kMessageIdHeader));
  }
  const std::string_view text = *headers.begin()->value;
  if (text.empty() || text.size() > kMessageIdBytesMax) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("expected a message id of 1 to {} bytes, found {}", kMessageIdBytesMax,
                            text.size()));
  }
  return MessageIdOf(text);
}

}  // namespace raftmq
