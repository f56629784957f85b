// From received bytes to messages: the checks of a consumer, in the thread that polls. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "protocol/types/batch_cursor.h"
#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "raftmq/message.h"
#include "raftmq/result.h"

namespace raftmq::internal {

// One batch of an attachment. The views borrow the attachment and `opened`.
struct ReadBatch {
  std::optional<OpenedBatch> opened;
  std::vector<MessageView> messages;  // From `position` on; may be empty.
  Offset next_position;               // After the last record of the batch.
  std::size_t padded_bytes = 0;       // Where the next batch begins.
  Term term;
};

// Reads the batch at the front of `bytes`: header, payload hash, bounded decompression, records;
// and that it goes on exactly at `position`, without a hole (only the first batch of a stream may
// begin before). Errors: kBadBatch, with the partition's number and the position.
Result<ReadBatch> ReadNextBatch(ByteSpan bytes, std::uint32_t partition, Offset position,
                                bool is_first);

}  // namespace raftmq::internal
