// Sessions, by nothing but the committed entries: what each has stored, who has taken it over, and
// what is told of it.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "raftlog/session_entry.h"
#include "tests/sim/partition_truth.h"

namespace raftmq::sim {

// I-31, I-33: what a session has sent is stored once and in order, and nothing behind a takeover
// that comes from before it.
void PartitionTruth::CommitsOnce(const ReplicaRecord& record, const EntryId& entry,
                                 SentBatches::Batch& batch) {
  if (batch.stored > 1)
    return Broken("I-31", record,
                  fmt::format("stores sequence {} of session {} again", batch.base_sequence,
                              batch.session.value()));
  const BatchHeader& header = ContentOf(entry).header;
  Continues(record,
            {batch.session, header.producer.session_epoch, batch.base_sequence, batch.records},
            header.leader.append_time_ms);
  batch.offset = entry.base;
  batch.elections = elections();
}

void PartitionTruth::Continues(const ReplicaRecord& record, const SessionBatch& batch,
                               std::int64_t append_time_ms) {
  const auto [found, is_new] = sessions_.try_emplace(batch.session);
  StoredSession& session = found->second;
  if (is_new && dropped_.contains(batch.session))
    Broken("I-31", record,
           fmt::format("stores a batch of session {}, which was dropped", batch.session.value()));
  if (batch.epoch < session.epoch)
    Broken("I-33", record,
           fmt::format("stores a batch of epoch {} of session {}, taken over in epoch {}",
                       batch.epoch, batch.session.value(), session.epoch));
  if (batch.base_sequence != session.next_sequence)
    Broken("I-33", record,
           fmt::format("stores sequence {} of session {}, expected {}", batch.base_sequence,
                       batch.session.value(), session.next_sequence));
  session.epoch = batch.epoch;
  session.next_sequence = batch.base_sequence + batch.record_count;
  session.heard_ms = append_time_ms;
}

SessionEntry PartitionTruth::SessionEntryIn(const EntryId& entry) const {
  return *DecodeSessionEntry(ContentOf(entry).payload);
}

void PartitionTruth::CommitsSession(const ReplicaRecord& record, const EntryId& entry) {
  const SessionEntry said = SessionEntryIn(entry);
  const std::int64_t append_time_ms = ContentOf(entry).header.leader.append_time_ms;
  if (const auto* const opening = std::get_if<SessionOpening>(&said)) {
    CommitsOpening(record, *opening, append_time_ms);
  } else if (const auto* const repeat = std::get_if<SessionRepeat>(&said)) {
    CommitsRepeat(record, *repeat, append_time_ms);
  } else if (const auto* const expiry = std::get_if<SessionExpiry>(&said)) {
    CommitsExpiry(*expiry);
  } else {
    Reach(Mark::kMessageIdsExpired);
  }
}

// I-33: a message with an id that is stored already takes its place in the session like any other.
void PartitionTruth::CommitsRepeat(const ReplicaRecord& record, const SessionRepeat& repeat,
                                   std::int64_t append_time_ms) {
  Reach(Mark::kMessageIdInSession);
  Continues(record, {repeat.session, repeat.epoch, repeat.sequence, 1}, append_time_ms);
  repeats_.emplace(SessionSequence{repeat.session, repeat.epoch, repeat.sequence},
                   StoredRepeat{repeat.offset});
  const auto stored = messages_.find(repeat.offset);
  if (stored == messages_.end() || stored->second.append_time_ms != repeat.append_time_ms)
    return Broken(
        "message-id", record,
        fmt::format("says that sequence {} of session {} is stored at offset {}, where no "
                    "message with an id was appended at {}",
                    repeat.sequence, repeat.session.value(), repeat.offset.value(),
                    repeat.append_time_ms));
  if (append_time_ms - repeat.append_time_ms > founding.message_id_window_ms)
    Broken("message-id", record,
           fmt::format("takes sequence {} of session {} for the message at offset {}, appended {} "
                       "ms before",
                       repeat.sequence, repeat.session.value(), repeat.offset.value(),
                       append_time_ms - repeat.append_time_ms));
}

// I-33: epochs only rise, and each begins once.
void PartitionTruth::CommitsOpening(const ReplicaRecord& record, const SessionOpening& opening,
                                    std::int64_t heard_ms) {
  const auto [found, is_new] = sessions_.try_emplace(opening.session);
  StoredSession& session = found->second;
  if (!is_new && opening.epoch <= session.epoch)
    Broken("I-33", record,
           fmt::format("stores an opening of session {} in epoch {}, which is open in epoch {}",
                       opening.session.value(), opening.epoch, session.epoch));
  if (is_new && dropped_.contains(opening.session)) {
    Reach(Mark::kOpenedAnew);
    session.is_anew = true;
  }
  session.epoch = opening.epoch;
  session.heard_ms = heard_ms;
}

void PartitionTruth::CommitsExpiry(const SessionExpiry& expiry) {
  std::erase_if(sessions_, [&](const auto& known) {
    const bool is_old = known.second.heard_ms < expiry.before_ms;
    if (is_old) dropped_.insert(known.first);
    return is_old;
  });
}

// I-31: what was acked is not refused as if it were not known; I-32: and all acks name one offset.
void PartitionTruth::Repeated(const Proposed& proposed, const SentBatches::Batch& batch) {
  if (batch.message_id) {
    RepeatedId(proposed, batch);
    const bool is_stored = batch.session != SessionId(0) && batch.stored > 0;
    if (!is_stored) return;  // Else it is a retry like any other.
  }
  Reach(Mark::kDuplicateAcks);
  if (batch.elections < elections()) Reach(Mark::kDuplicateAcrossElection);
  const ReplicaRecord nobody;
  if (batch.stored == 0)
    return Broken("I-32", nobody, "a retry is acked, its original is not committed");
  if (proposed.base_offset != batch.offset)
    Broken("I-32", nobody,
           fmt::format("a retry is acked at offset {}, its original stands at {}",
                       proposed.base_offset.value(), batch.offset.value()));
  if (batch.offset < log_start()) Reach(Mark::kDuplicateBelowStart);
}

bool PartitionTruth::HasOpened(SessionId session, std::uint32_t epoch) const {
  const auto found = sessions_.find(session);
  return found != sessions_.end() && found->second.epoch == epoch;
}

// I-32: an opening is acked once it is committed; I-31: its successor goes on exactly behind what
// is stored, unless it is told that this may have been forgotten.
void PartitionTruth::TakenOver(SessionId session, const OpenedSession& opened, bool is_exact) {
  const ReplicaRecord nobody;
  const auto found = sessions_.find(session);
  const bool is_dropped = found == sessions_.end() && dropped_.contains(session);
  if (is_dropped) return;
  if (found == sessions_.end() || found->second.epoch < opened.epoch)
    return Broken("I-32", nobody,
                  fmt::format("a takeover of session {} in epoch {} is acked, not committed",
                              session.value(), opened.epoch));
  if (!is_exact) return;
  const StoredSession& stored = found->second;
  if (opened.next_sequence != stored.next_sequence)
    Broken("I-31", nobody,
           fmt::format("who takes session {} over is told {}, expected sequence {}",
                       session.value(), opened.next_sequence, stored.next_sequence));
  if (stored.is_anew && stored.next_sequence == 0 && !opened.may_be_forgotten)
    Broken("I-31", nobody,
           fmt::format("who takes session {} over is not told that it was forgotten",
                       session.value()));
}

}  // namespace raftmq::sim
