// The checks of a batch that comes from a producer: everything that a broker or a consumer later
// relies on, once, in place.
#pragma once

#include <cstddef>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "raftmq/result.h"

namespace raftmq {

struct BatchLimits {
  std::size_t batch_bytes_max = kBatchBytesMax;    // Frame without padding, as sent.
  std::size_t records_bytes_max = kBatchBytesMax;  // Records after decompression, as claimed.
};

// Checks a whole frame as a producer sent it: not yet stamped (leader's block all zero), of kind
// data, exactly padded_length() bytes with zero padding, its payload hash, timestamps in range.
// Uncompressed records are walked once (CheckRecords); compressed ones only have to make a
// permitted claim, for a broker never decompresses. A message id is looked for where the header
// says that there is one. Nothing is allocated unless it fails.
// Errors: kBadBatch, kBatchTooLarge, kUnknownFormat.
Result<BatchHeader> ValidateBatch(ByteSpan frame, const BatchLimits& limits = {});

// Walks an uncompressed records section: exactly header.record_count records and nothing after
// them, offset deltas 0, 1, 2, ..., every length within its record, the first timestamp equal to
// the base, the greatest equal to the header's, all in range. Errors: kBadBatch, naming the record.
Status CheckRecords(const ProducerBlock& producer, ByteSpan records);

}  // namespace raftmq
