// I-23: what a replica has made of its log is what plain appends of the same entries make, whatever
// it has been through: restarts, truncations, resets, checkpoints in the place of entries.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "protocol/types/hash.h"
#include "raftlog/membership_entry.h"
#include "segment/checkpoint.h"
#include "tests/sim/partition_truth.h"

namespace raftmq::sim {
namespace {

constexpr std::uint64_t kEntriesBetweenReplays = 64;

// Of the bytes that a checkpoint would have, but for what the log does not say.
std::uint64_t HashOf(const Membership& membership, Offset log_start, ByteBuffer sessions,
                     ByteBuffer message_ids) {
  Checkpoint checkpoint;
  checkpoint.membership = membership;
  checkpoint.log_start = log_start;
  checkpoint.sessions = std::move(sessions);
  checkpoint.message_ids = std::move(message_ids);
  std::uint64_t hash = 0;
  for (const ByteBuffer& part : EncodeCheckpoint(checkpoint)) hash = Hash64(part.span(), hash);
  return hash;
}

std::string ToText(const Membership& membership, Offset log_start, const SessionTable& sessions,
                   const MessageIdTable& message_ids) {
  return fmt::format(
      "{} replicas, log start {}, {} sessions above {} with hash {:016x}, {} message ids",
      membership.size(), log_start.value(), sessions.size(), sessions.floor().value(),
      Hash64(sessions.Encode().span()), message_ids.size());
}

}  // namespace

// Behind the entry that founds a log, which says no more than who its replicas are.
void PartitionTruth::BeginReplay() {
  replayed_.membership = memberships_.front().membership;
  replays_.emplace(Index(1), replayed_);
}

void PartitionTruth::ReplayCommitted(Index index) {
  Replay(CommittedAt(index), &replayed_);
  replayed_.sessions.SetCommit(index);
  replayed_.message_ids.SetCommit(index);
  if (index.value() % kEntriesBetweenReplays == 0) replays_.emplace(index, replayed_);
}

// Checkpoints say nothing that is new.
void PartitionTruth::Replay(const EntryId& entry, Replayed* state) const {
  const Content& content = ContentOf(entry);
  const LeaderBlock& leader = content.header.leader;
  const ProducerBlock& producer = content.header.producer;
  const StoredBatch stored{leader.base_offset, leader.append_time_ms, leader.index};
  if (entry.kind == EntryKind::kData && producer.session != SessionId(0))
    state->sessions.Append(SessionBatchOf(producer), stored, leader.append_time_ms);
  if (producer.has_message_id)
    state->message_ids.Append(*MessageIdOf(producer, content.payload), stored);
  if (entry.kind == EntryKind::kSession) ReplaySessionEntry(entry, state);
  if (entry.kind == EntryKind::kLogStart)
    state->log_start = std::max(state->log_start, StartIn(entry));
  if (entry.kind == EntryKind::kConfiguration)
    state->membership = *DecodeMembership(content.payload);
}

void PartitionTruth::ReplaySessionEntry(const EntryId& entry, Replayed* state) const {
  const LeaderBlock& leader = ContentOf(entry).header.leader;
  const SessionEntry said = SessionEntryIn(entry);
  if (const auto* const opening = std::get_if<SessionOpening>(&said)) {
    state->sessions.Open(leader.index, opening->session, opening->epoch, leader.append_time_ms);
  } else if (const auto* const expiry = std::get_if<SessionExpiry>(&said)) {
    state->sessions.Expire(leader.index, expiry->before_ms);
  } else if (const auto* const repeat = std::get_if<SessionRepeat>(&said)) {
    state->sessions.Append({repeat->session, repeat->epoch, repeat->sequence, 1},
                           {repeat->offset, repeat->append_time_ms, leader.index},
                           leader.append_time_ms);
  } else {
    state->message_ids.Expire(leader.index, std::get<MessageIdExpiry>(said).before_ms);
  }
}

// From the last one on that is kept of this replica's log.
PartitionTruth::Replayed PartitionTruth::ReplayOf(const ReplicaRecord& record) const {
  auto from = std::prev(replays_.upper_bound(record.last()));
  while (!record.Holds(from->first, CommittedAt(from->first))) --from;
  Replayed state = from->second;
  for (Index index = from->first.Next(); index <= record.last(); index = index.Next())
    Replay(record.At(index), &state);
  return state;
}

std::uint64_t PartitionTruth::ExpectedState(const ReplicaRecord& record) {
  const auto [known, is_new] = expected_states_.try_emplace(record.At(record.last()).hash);
  if (is_new) {
    const Replayed state = ReplayOf(record);
    known->second = HashOf(state.membership, state.log_start, state.sessions.Encode(),
                           state.message_ids.Encode());
  }
  return known->second;
}

void PartitionTruth::LookAtState(ReplicaRecord& record, const Group& group) {
  if (verdict_.is_broken()) return;  // Then the record may be of another log than all others.
  const std::uint64_t last = record.At(record.last()).hash;
  if (record.looked_at == last && !record.been_through) return;
  if (MayForget()) return;
  std::optional<Checkpoint> state = group.StateOfLog();
  if (!state) return;
  record.looked_at = last;
  Reach(Mark::kStates);
  if (const auto mark = std::exchange(record.been_through, std::nullopt)) Reach(*mark);
  const std::uint64_t expected = ExpectedState(record);
  if (HashOf(state->membership, state->log_start, std::move(state->sessions),
             std::move(state->message_ids)) == expected)
    return;
  const Replayed replayed = ReplayOf(record);
  state = group.StateOfLog();
  Broken(
      "I-23", record,
      fmt::format(
          "makes another state of its log up to {}: {}, expected {}", record.last().value(),
          ToText(state->membership, state->log_start, *SessionTable::Decode(state->sessions.span()),
                 *MessageIdTable::Decode(state->message_ids.span())),
          ToText(replayed.membership, replayed.log_start, replayed.sessions,
                 replayed.message_ids)));
}

}  // namespace raftmq::sim
