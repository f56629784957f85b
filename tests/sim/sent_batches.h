// What clients have sent to one partition, and what became of it: so that no value appears that
// nobody sent, none that was refused for certain, and none more often than it was sent.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "protocol/types/ids.h"
#include "protocol/types/message_id.h"
#include "tests/sim/verdict.h"

namespace raftmq::sim {

class SentBatches {
 public:
  struct Batch {
    std::uint32_t attempts = 0;
    std::uint32_t refused = 0;  // Attempts that were answered with a definite error.
    std::uint32_t stored = 0;   // Times that it was committed.
    bool was_unknown = false;
    SessionId session;  // 0 = none.
    std::uint32_t session_epoch = 0;
    std::uint32_t base_sequence = 0;
    std::uint32_t records = 0;
    std::optional<MessageId> message_id;
    std::uint64_t elections = 0;  // Of its partition, when it was committed.
    Offset offset;                // Once it is committed: of the first copy.
  };

  Batch& Add(std::uint64_t payload_hash) { return batches_[payload_hash]; }
  // Batches are named by their payload hash, since each is unique.
  Batch& Attempt(std::uint64_t payload_hash) {
    Batch& batch = batches_[payload_hash];
    ++batch.attempts;
    return batch;
  }
  Batch* Find(std::uint64_t payload_hash) {
    const auto found = batches_.find(payload_hash);
    return found == batches_.end() ? nullptr : &found->second;
  }
  static bool IsStoredTooOften(const Batch& batch) {
    return batch.stored > batch.attempts - batch.refused;
  }

 private:
  std::unordered_map<std::uint64_t, Batch> batches_;  // Looked up, never walked.
};

}  // namespace raftmq::sim
