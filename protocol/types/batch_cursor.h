// Reading a batch: OpenRecords checks it and undoes its compression, BatchCursor walks the records
// in place.
//
//   RAFTMQ_TRY_ASSIGN(const OpenedBatch batch, OpenRecords(frame, records_bytes_max));
//   BatchCursor cursor(batch);
//   while (const auto record = cursor.Next()) Use(record->offset, record->value);
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "protocol/types/record.h"
#include "raftmq/result.h"

namespace raftmq {

// A batch whose every record was checked. Borrows the frame it was opened from, unless it was
// compressed; views of its records hold as long as both. Immutable.
class OpenedBatch {
 public:
  const BatchHeader& header() const { return header_; }
  // The records section, uncompressed; empty for a control entry.
  ByteSpan records() const { return records_; }

 private:
  friend Result<OpenedBatch> OpenRecords(ByteSpan frame, std::size_t records_bytes_max);
  OpenedBatch(const BatchHeader& header, ByteSpan records, ByteBuffer storage)
      : header_(header), records_(records), storage_(std::move(storage)) {}

  BatchHeader header_;
  ByteSpan records_;    // In the frame or in storage_.
  ByteBuffer storage_;  // What was decompressed.
};

// Opens one frame as it comes from a broker or a file: header, payload hash, bounded decompression
// (at most `records_bytes_max` bytes, see compression.h), then every record. A control entry opens
// as a batch without records. `frame` may be longer than the batch: what follows is not looked at.
// Errors: kBadBatch, kUnknownFormat.
Result<OpenedBatch> OpenRecords(ByteSpan frame, std::size_t records_bytes_max = kBatchBytesMax);

// Walks the records once, from the first. `batch` must outlive the cursor and the views it returns.
// Not thread-safe.
class BatchCursor {
 public:
  explicit BatchCursor(const OpenedBatch& batch)
      : at_(batch.records().data()),
        end_(at_ + batch.records().size()),
        base_offset_(batch.header().leader.base_offset),
        base_timestamp_ms_(batch.header().producer.base_timestamp_ms) {}

  // The next record, or nullopt after the last.
  std::optional<RecordView> Next();

 private:
  const std::byte* at_;
  const std::byte* end_;
  Offset base_offset_;
  std::int64_t base_timestamp_ms_;
};

}  // namespace raftmq
