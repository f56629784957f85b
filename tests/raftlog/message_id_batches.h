// Batches of one record with a message id.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "protocol/types/batch_builder.h"
#include "protocol/types/message_id.h"

namespace raftmq {

inline ByteBuffer WithId(const std::string& id, const std::string& value, SealOptions seal = {}) {
  BatchBuilder builder(kBatchBytesMax);
  const RecordHeader header{kMessageIdHeader, id};
  EXPECT_TRUE(builder.Append({.value = value, .headers = {&header, 1}, .timestamp_ms = 1}));
  seal.has_message_id = true;
  return builder.Finish(seal);
}

// Of session 9.
inline SealOptions At(std::uint32_t sequence) {
  return {.session = SessionId(9), .session_epoch = 1, .base_sequence = sequence};
}

}  // namespace raftmq
