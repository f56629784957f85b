#include "consumer/batch_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace raftmq::internal {
namespace {

MessageView ViewOf(const RecordView& record, std::uint32_t partition) {
  MessageView view{.partition = partition,
                   .offset = record.offset.value(),
                   .timestamp_ms = record.timestamp_ms,
                   .key = record.key,
                   .value = record.value,
                   .headers = {}};
  view.headers.reserve(record.headers.size());
  for (const RecordHeader& header : record.headers) {
    view.headers.emplace_back(header.name, header.value);
  }
  return view;
}

Error Refused(std::uint32_t partition, Offset position, const std::string& text) {
  return {ErrorCode::kBadBatch,
          fmt::format("partition {} at offset {}: {}", partition, position.value(), text)};
}

}  // namespace

Result<ReadBatch> ReadNextBatch(ByteSpan bytes, std::uint32_t partition, Offset position,
                                bool is_first) {
  Result<OpenedBatch> opened = OpenRecords(bytes);
  if (!opened) return Fail(Refused(partition, position, opened.error().message));
  const BatchHeader& header = opened->header();
  const Offset base = header.leader.base_offset;
  const bool follows =
      is_first ? base <= position && header.end_offset() > position : base == position;
  if (header.producer.kind != EntryKind::kData || !follows) {
    return Fail(Refused(partition, position,
                        fmt::format("expected the data batch of this offset, found kind {}, "
                                    "offsets {} to {}",
                                    static_cast<int>(header.producer.kind), base.value(),
                                    header.end_offset().value())));
  }
  ReadBatch batch{.opened = std::nullopt,
                  .messages = {},
                  .next_position = header.end_offset(),
                  .padded_bytes = std::min(header.padded_length(), bytes.size()),
                  .term = header.leader.term};
  batch.messages.reserve(batch.next_position.value() - std::max(base, position).value());
  batch.opened.emplace(std::move(*opened));
  BatchCursor cursor(*batch.opened);
  while (const auto record = cursor.Next()) {
    if (record->offset >= position) batch.messages.push_back(ViewOf(*record, partition));
  }
  return batch;
}

}  // namespace raftmq::internal
