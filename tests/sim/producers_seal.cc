// What simulated producers send: unique values, sealed as the real producer seals them.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "protocol/types/message_id.h"
#include "tests/sim/producers.h"

namespace raftmq::sim {

void SimProducer::Seal() {
  const ClientOptions& options = cluster_.scenario.clients;
  Choices& choices = cluster_.choices;
  partition_ = cluster_.PickPartition();
  in_memory_ = !cluster_.is_calm && choices.PerMille(options.in_memory);
  values_.clear();
  if (cluster_.scenario.IsInternal(partition_)) return SealCommand();
  message_id_ = DrawMessageId();
  AppendRecords();
  session_life_ = 0;
  is_in_session_ = options.has_sessions && (message_id_.empty() || choices.Below(4) != 0);
  SealOptions seal = is_in_session_ ? JoinSession() : SealOptions();
  seal.has_message_id = !message_id_.empty();
  batch_ = SharedBytes(builder_.Finish(seal));
  payload_hash_ = ParseBatchHeader(batch_.view())->payload_hash;
  NoteSent(seal);
}

// All draw from the same few. Empty = none.
std::string SimProducer::DrawMessageId() {
  const MessageIdOptions& ids = cluster_.scenario.message_ids;
  if (!sends_ids_ || !cluster_.scenario.HasMessageIds(partition_)) return "";
  if (!cluster_.choices.PerMille(ids.share)) return "";
  std::string given_up = std::exchange(given_up_[partition_], "");
  if (!given_up.empty()) return given_up;
  return fmt::format("id-{}", cluster_.choices.Below(ids.different));
}

void SimProducer::AppendRecords() {
  const ClientOptions& options = cluster_.scenario.clients;
  Choices& choices = cluster_.choices;
  const RecordHeader id{kMessageIdHeader, message_id_};
  const std::span<const RecordHeader> headers(&id, message_id_.empty() ? 0 : 1);
  const std::uint64_t records = headers.empty() ? choices.Between(1, options.records_max) : 1;
  for (std::uint64_t i = 0; i < records; ++i) {
    std::string value = fmt::format("{}-{}", number_, ++counter_);
    const auto bytes = static_cast<std::size_t>(choices.Below(2 * options.value_bytes));
    value.resize(
        std::clamp<std::size_t>(bytes, value.size(), cluster_.scenario.batch_bytes_max / 2), '.');
    if (builder_.Append({.value = value,
                         .headers = headers,
                         .timestamp_ms = static_cast<std::int64_t>(counter_)})) {
      values_.push_back({number_, counter_});
      continue;
    }
    --counter_;
    break;
  }
  records_ = builder_.count();
}

SealOptions SimProducer::JoinSession() {
  Session& session = sessions_[partition_];
  if (session.id == SessionId(0)) {
    session = {.id = cluster_.sessions.Allot(partition_)};
    cluster_.coverage.Reach(Mark::kSessionsBegun);
  }
  session.is_weak = session.is_weak || in_memory_;
  session_life_ = session.life;
  return {.session = session.id,
          .session_epoch = session.epoch,
          .base_sequence = session.next_sequence};
}

void SimProducer::NoteSent(const SealOptions& seal) {
  SentBatches::Batch& sent = cluster_.partitions[partition_]->sent.Add(payload_hash_);
  sent.session = seal.session;
  sent.session_epoch = seal.session_epoch;
  sent.base_sequence = seal.base_sequence;
  sent.records = records_;
  if (seal.has_message_id) sent.message_id = MessageIdOf(message_id_);
}

void SimProducer::SealCommand() {
  const auto bytes =
      static_cast<std::size_t>(cluster_.choices.Below(2 * cluster_.scenario.clients.value_bytes));
  std::string command = fmt::format("{}-{}", number_, ++counter_);
  command.resize(
      std::clamp<std::size_t>(bytes, command.size(), cluster_.scenario.batch_bytes_max / 2), '.');
  in_memory_ = is_in_session_ = false;
  message_id_.clear();
  batch_ = SharedBytes(MakeControlEntry(EntryKind::kCommand, AsBytes(command)));
  payload_hash_ = ParseBatchHeader(batch_.view())->payload_hash;
}

}  // namespace raftmq::sim
