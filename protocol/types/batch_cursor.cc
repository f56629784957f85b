#include "protocol/types/batch_cursor.h"

#include <fmt/format.h>

#include "protocol/types/batch_validator.h"
#include "protocol/types/check.h"
#include "protocol/types/compression.h"
#include "protocol/types/record_decoder.h"

namespace raftmq {

Result<OpenedBatch> OpenRecords(ByteSpan frame, std::size_t records_bytes_max) {
  RAFTMQ_TRY_ASSIGN(const BatchHeader header, ParseBatchHeader(frame));
  const ProducerBlock& producer = header.producer;
  if (frame.size() < producer.length) {
    return Fail(ErrorCode::kBadBatch, fmt::format("expected a frame of {} bytes, found {}",
                                                  producer.length, frame.size()));
  }
  if (!PayloadHashHolds(frame, header)) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("batch at index {}, offset {}: the payload hash "
                            "does not hold: its bytes are damaged",
                            header.leader.index.value(), header.leader.base_offset.value()));
  }
  if (producer.kind != EntryKind::kData) return OpenedBatch(header, {}, {});
  RAFTMQ_TRY(CheckClaimedSize(producer, records_bytes_max));
  ByteSpan records = frame.first(producer.length).subspan(kBatchHeaderBytes);
  ByteBuffer storage;
  if (producer.codec != Codec::kNone) {
    RAFTMQ_TRY_ASSIGN(storage, Decompress(producer.codec, records, producer.records_bytes));
    records = storage.span();
  }
  RAFTMQ_TRY(CheckRecords(producer, records));
  return OpenedBatch(header, records, std::move(storage));
}

std::optional<RecordView> BatchCursor::Next() {
  if (at_ == end_) return std::nullopt;
  RecordFields fields;
  // OpenRecords has checked every record: a fault here means that the bytes changed since.
  RAFTMQ_CHECK(ReadRecord(&at_, end_, &fields) == RecordFault::kNone);
  return RecordView{.offset = base_offset_.Plus(fields.deltas.offset),
                    .timestamp_ms = base_timestamp_ms_ + fields.deltas.timestamp,
                    .key = fields.key,
                    .value = fields.value,
                    .headers = RecordHeaders(fields.headers, fields.header_count)};
}

}  // namespace raftmq
