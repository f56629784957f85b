#include "protocol/types/batch_validator.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "protocol/types/compression.h"
#include "protocol/types/message_id.h"
#include "protocol/types/record_decoder.h"

namespace raftmq {
namespace {

constexpr std::size_t kLeaderBlockBytes = 56;

bool IsAllZero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

template <class... Args>
Status BadBatch(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kBadBatch, fmt::format(format, std::forward<Args>(args)...));
}

Status CheckFrame(ByteSpan frame, const BatchHeader& header, const BatchLimits& limits) {
  const ProducerBlock& producer = header.producer;
  if (producer.kind != EntryKind::kData) {
    return BadBatch("expected an entry of kind data, found kind {}",
                    static_cast<int>(producer.kind));
  }
  if (producer.length > limits.batch_bytes_max) {
    return Fail(ErrorCode::kBatchTooLarge, fmt::format("the batch takes {} bytes, the limit is {}",
                                                       producer.length, limits.batch_bytes_max));
  }
  if (frame.size() != header.padded_length()) {
    return BadBatch("expected a frame of {} bytes, found {}", header.padded_length(), frame.size());
  }
  if (!IsAllZero(frame.first(kLeaderBlockBytes)))
    return BadBatch("the leader's block is not zero, but no leader has seen this batch");
  if (!IsAllZero(frame.subspan(producer.length))) return BadBatch("the padding is not zero");
  return Ok();
}

Status CheckClaims(const ProducerBlock& producer, const BatchLimits& limits) {
  if (producer.record_count > producer.records_bytes / kRecordBytesMin) {
    return BadBatch("the header claims {} records in {} bytes; a record takes at least {}",
                    producer.record_count, producer.records_bytes, kRecordBytesMin);
  }
  if (!IsTimestampInRange(producer.base_timestamp_ms) ||
      !IsTimestampInRange(producer.max_timestamp_ms)) {
    return BadBatch("expected timestamps of {} to {} ms since 1970, found {} to {}",
                    kTimestampMsMin, kTimestampMsMax, producer.base_timestamp_ms,
                    producer.max_timestamp_ms);
  }
  return CheckClaimedSize(producer, limits.records_bytes_max);
}

Status CheckTimestampOfRecord(const ProducerBlock& producer, std::uint32_t record,
                              std::int64_t delta, std::int64_t* max_ms) {
  std::int64_t timestamp_ms = 0;
  if (__builtin_add_overflow(producer.base_timestamp_ms, delta, &timestamp_ms) ||
      !IsTimestampInRange(timestamp_ms)) {
    return BadBatch("record {}: base timestamp {} plus delta {} is out of range", record,
                    producer.base_timestamp_ms, delta);
  }
  *max_ms = std::max(*max_ms, timestamp_ms);
  return Ok();
}

}  // namespace

Result<BatchHeader> ValidateBatch(ByteSpan frame, const BatchLimits& limits) {
  RAFTMQ_TRY_ASSIGN(const BatchHeader header, ParseBatchHeader(frame));
  RAFTMQ_TRY(CheckFrame(frame, header, limits));
  RAFTMQ_TRY(CheckClaims(header.producer, limits));
  if (!PayloadHashHolds(frame, header)) {
    return Fail(ErrorCode::kBadBatch,
                "the payload hash does not hold: the batch was damaged on its way");
  }
  if (header.producer.codec == Codec::kNone) {
    const ByteSpan records = frame.subspan(kBatchHeaderBytes, header.producer.records_bytes);
    RAFTMQ_TRY(CheckRecords(header.producer, records));
    if (header.producer.has_message_id) RAFTMQ_TRY(MessageIdOf(header.producer, records));
  }
  return header;
}

Status CheckRecords(const ProducerBlock& producer, ByteSpan records) {
  const std::byte* at = records.data();
  const std::byte* const end = at + records.size();
  std::int64_t max_ms = std::numeric_limits<std::int64_t>::min();
  for (std::uint32_t i = 0; i < producer.record_count; ++i) {
    if (at == end)
      return BadBatch("the header claims {} records, found {}", producer.record_count, i);
    RecordFields fields;
    RecordFault fault = ReadRecord(&at, end, &fields);
    if (fault == RecordFault::kNone) fault = CheckHeaders(fields);
    if (fault != RecordFault::kNone)
      return BadBatch("record {} of {}: {}", i, producer.record_count, RecordFaultText(fault));
    if (fields.deltas.offset != i) {
      return BadBatch("record {} of {}: expected offset delta {}, found {}", i,
                      producer.record_count, i, fields.deltas.offset);
    }
    if (i == 0 && fields.deltas.timestamp != 0)
      return BadBatch("record 0: expected the base timestamp, found delta {}",
                      fields.deltas.timestamp);
    RAFTMQ_TRY(CheckTimestampOfRecord(producer, i, fields.deltas.timestamp, &max_ms));
  }
  if (at != end) {
    return BadBatch("the header claims {} records; {} bytes stand after them",
                    producer.record_count, end - at);
  }
  if (max_ms != producer.max_timestamp_ms && producer.record_count > 0) {
    return BadBatch("the greatest timestamp is {}, the header says {}", max_ms,
                    producer.max_timestamp_ms);
  }
  return Ok();
}

}  // namespace raftmq
