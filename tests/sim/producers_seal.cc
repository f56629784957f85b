// What simulated producers send: unique values, sealed as the real producer seals them.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "tests/sim/producers.h"

namespace raftmq::sim {

void SimProducer::Seal() {
  const ClientOptions& options = cluster_.scenario.clients;
  Choices& choices = cluster_.choices;
  partition_ = cluster_.PickPartition();
  in_memory_ = !cluster_.is_calm && choices.PerMille(options.in_memory);
  values_.clear();
  if (cluster_.scenario.IsInternal(partition_)) return SealCommand();
  const std::uint64_t records = choices.Between(1, options.records_max);
  for (std::uint64_t i = 0; i < records; ++i) {
    std::string value = fmt::format("{}-{}", number_, ++counter_);
    const auto bytes = static_cast<std::size_t>(choices.Below(2 * options.value_bytes));
    value.resize(
        std::clamp<std::size_t>(bytes, value.size(), cluster_.scenario.batch_bytes_max / 2), '.');
    if (builder_.Append({.value = value, .timestamp_ms = static_cast<std::int64_t>(counter_)})) {
      values_.push_back({number_, counter_});
      continue;
    }
    --counter_;
    break;
  }
  records_ = builder_.count();
  SealOptions seal;
  if (options.has_sessions) {
    Session& session = sessions_[partition_];
    if (session.id == SessionId(0)) {
      session = {.id = cluster_.sessions.Allot(partition_)};
      cluster_.coverage.Reach(Mark::kSessionsBegun);
    }
    session.is_weak = session.is_weak || in_memory_;
    session_life_ = session.life;
    seal.session = session.id;
    seal.session_epoch = session.epoch;
    seal.base_sequence = session.next_sequence;
  }
  batch_ = SharedBytes(builder_.Finish(seal));
  payload_hash_ = ParseBatchHeader(batch_.view())->payload_hash;
  SentBatches::Batch& sent = cluster_.partitions[partition_]->sent.Add(payload_hash_);
  sent.session = seal.session;
  sent.base_sequence = seal.base_sequence;
  sent.records = records_;
}

void SimProducer::SealCommand() {
  const auto bytes =
      static_cast<std::size_t>(cluster_.choices.Below(2 * cluster_.scenario.clients.value_bytes));
  std::string command = fmt::format("{}-{}", number_, ++counter_);
  command.resize(
      std::clamp<std::size_t>(bytes, command.size(), cluster_.scenario.batch_bytes_max / 2), '.');
  in_memory_ = false;
  batch_ = SharedBytes(MakeControlEntry(EntryKind::kCommand, AsBytes(command)));
  payload_hash_ = ParseBatchHeader(batch_.view())->payload_hash;
}

}  // namespace raftmq::sim
