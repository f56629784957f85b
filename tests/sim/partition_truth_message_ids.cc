// Message ids, by nothing but the committed entries and what clients are told.
#include <fmt/format.h>

#include <utility>

#include "tests/sim/partition_truth.h"

namespace raftmq::sim {

// Within the window an id is stored once, by whomever it was sent.
void PartitionTruth::CommitsMessageId(const ReplicaRecord& record, const EntryId& entry) {
  const Content& content = ContentOf(entry);
  const MessageId id = *MessageIdOf(content.header.producer, content.payload);
  const std::int64_t append_time_ms = content.header.leader.append_time_ms;
  const auto [newest, is_new] = ids_.try_emplace(id, entry.base);
  if (!is_new) {
    Reach(Mark::kMessageIdNewAgain);
    const std::int64_t apart_ms = append_time_ms - messages_.at(newest->second).append_time_ms;
    if (apart_ms <= founding.message_id_window_ms && !MayForget())
      Broken("message-id", record,
             fmt::format("stores at offset {} the id of the message at {}, {} ms later",
                         entry.base.value(), newest->second.value(), apart_ms));
    newest->second = entry.base;
  }
  messages_.emplace(entry.base, StoredMessage{id, append_time_ms});
}

// Whoever is told that his message is stored finds one with its id there; I-32: and a session is
// not told so before it is committed that its sequence is taken.
void PartitionTruth::RepeatedId(const Proposed& proposed, const SentBatches::Batch& batch) {
  const ReplicaRecord nobody;
  const auto stored = messages_.find(proposed.base_offset);
  if (stored == messages_.end() || stored->second.id != *batch.message_id ||
      stored->second.append_time_ms != proposed.append_time_ms)
    Broken("message-id", nobody,
           fmt::format("a message is acked at offset {} and time {}, where none with its id is "
                       "committed",
                       proposed.base_offset.value(), proposed.append_time_ms));
  if (batch.session == SessionId(0)) return Reach(Mark::kMessageIdRepeated);
  if (batch.stored > 0) return;  // A retry of what is stored.
  const auto repeat =
      repeats_.find(SessionSequence{batch.session, batch.session_epoch, batch.base_sequence});
  if (repeat == repeats_.end())
    return Broken("I-32", nobody,
                  fmt::format("sequence {} of session {} is acked as a repeat, which is not "
                              "committed",
                              batch.base_sequence, batch.session.value()));
  if (repeat->second.offset != proposed.base_offset)
    Broken("I-32", nobody,
           fmt::format("sequence {} of session {} is acked at offset {}, its repeat says {}",
                       batch.base_sequence, batch.session.value(), proposed.base_offset.value(),
                       repeat->second.offset.value()));
  if (std::exchange(repeat->second.was_acked, true)) Reach(Mark::kRepeatRetried);
}

}  // namespace raftmq::sim
