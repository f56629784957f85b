#include "raftlog/log_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/membership_entry.h"
#include "raftlog/session_entry.h"

namespace raftmq {
namespace {

constexpr std::size_t kOffsetBytes = sizeof(std::uint64_t);

template <class Table>
Table TableOf(const ByteBuffer& bytes) {
  Result<Table> table = Table::Decode(bytes.span());
  RAFTMQ_CHECK(table.has_value());
  return std::move(*table);
}

}  // namespace

LogState::LogState(const Checkpoint& base)
    : memberships_{{base.before.index, base.membership}},
      log_start_(base.log_start),
      commit_(base.before.index),
      durable_(base.before.index),
      committed_end_(base.before.next_offset),
      durable_end_(base.before.next_offset),
      sessions_(TableOf<SessionTable>(base.sessions)),
      message_ids_(TableOf<MessageIdTable>(base.message_ids)) {}

LogState LogState::BehindBase(const Checkpoint& base) {
  LogState state(base);
  state.awaits_checkpoint_ = true;
  return state;
}

Status LogState::CheckTables(const Checkpoint& checkpoint) {
  RAFTMQ_TRY(SessionTable::Decode(checkpoint.sessions.span()));
  RAFTMQ_TRY(MessageIdTable::Decode(checkpoint.message_ids.span()));
  return Ok();
}

void LogState::Append(const BatchHeader& header, ByteSpan payload) {
  const LeaderBlock& leader = header.leader;
  positions_.push_back({leader.index, leader.index, header.end_offset(), leader.committed_up_to});
  switch (header.producer.kind) {
    case EntryKind::kData:
      AppendData(header, payload);
      break;
    case EntryKind::kSession:
      AppendSessionEntry(header, payload);
      break;
    case EntryKind::kLogStart: {
      const Result<LogStartMove> move = DecodeLogStart(payload);
      RAFTMQ_CHECK(move.has_value());
      // The start only grows, whatever the order of two trims.
      changes_.push_back({leader.index, std::max(log_start(), move->log_start)});
      break;
    }
    case EntryKind::kConfiguration: {
      Result<Membership> membership = DecodeMembership(payload);
      RAFTMQ_CHECK(membership.has_value());
      memberships_.push_back({leader.index, std::move(*membership)});
      break;
    }
    case EntryKind::kCheckpoint:
      AppendCheckpointPart(header, payload);
      break;
    default:
      break;
  }
}

void LogState::AppendData(const BatchHeader& header, ByteSpan records) {
  const auto& [index, term, base_offset, append_time_ms, committed_up_to, chain] = header.leader;
  const StoredBatch stored{base_offset, append_time_ms, index};
  if (header.producer.session != SessionId(0))
    sessions_.Append(SessionBatchOf(header.producer), stored, append_time_ms);
  if (!header.producer.has_message_id) return;
  const Result<MessageId> id = MessageIdOf(header.producer, records);
  RAFTMQ_CHECK(id.has_value());
  message_ids_.Append(*id, stored);
}

void LogState::AppendSessionEntry(const BatchHeader& header, ByteSpan payload) {
  const Result<SessionEntry> entry = DecodeSessionEntry(payload);
  RAFTMQ_CHECK(entry.has_value());
  const Index index = header.leader.index;
  const std::int64_t now_ms = header.leader.append_time_ms;
  if (const auto* const opening = std::get_if<SessionOpening>(&*entry)) {
    sessions_.Open(index, opening->session, opening->epoch, now_ms);
  } else if (const auto* const expiry = std::get_if<SessionExpiry>(&*entry)) {
    sessions_.Expire(index, expiry->before_ms);
  } else if (const auto* const repeat = std::get_if<SessionRepeat>(&*entry)) {
    sessions_.Append({repeat->session, repeat->epoch, repeat->sequence, 1},
                     {repeat->offset, repeat->append_time_ms, index}, now_ms);
  } else {
    message_ids_.Expire(index, std::get<MessageIdExpiry>(*entry).before_ms);
  }
}

void LogState::AppendCheckpointPart(const BatchHeader& header, ByteSpan payload) {
  const Result<CheckpointPart> part = ParseCheckpointPart(payload);
  RAFTMQ_CHECK(part.has_value());
  const LeaderBlock& leader = header.leader;
  if (part->part == 0) {
    runs_.push_back({.first = leader.index,
                     .last = leader.index,
                     .first_offset = leader.base_offset,
                     .term = leader.term,
                     .parts = part->parts,
                     .found = 1,
                     .bytes = header.padded_length()});
    return KeepPart(payload);
  }
  RAFTMQ_CHECK(!runs_.empty());
  CheckpointRun& run = runs_.back();
  // A run is consecutive and of one term.
  if (leader.index != run.last.Next() || leader.term != run.term) return;
  run.last = leader.index;
  ++run.found;
  run.bytes += header.padded_length();
  KeepPart(payload);
}

bool LogState::BringCheckpoint(const std::vector<Frame>& entries) const {
  std::vector<ByteSpan> payloads(parts_.begin(), parts_.end());
  for (const Frame& entry : entries) {
    if (entry.header.producer.kind != EntryKind::kCheckpoint) return false;
    payloads.push_back(entry.payload());
    const Result<CheckpointPart> first = ParseCheckpointPart(payloads.front());
    const Result<CheckpointPart> part = ParseCheckpointPart(payloads.back());
    if (!first || !part || part->part + 1 != payloads.size() || part->parts != first->parts)
      return false;
    if (payloads.size() < part->parts) continue;
    const Result<Checkpoint> whole = DecodeCheckpoint(payloads);
    return whole && CheckTables(*whole);
  }
  return true;
}

// All parts up to the last are committed, so what they say together is not provisional.
void LogState::KeepPart(ByteSpan payload) {
  if (!awaits_checkpoint_) return;
  parts_.emplace_back(payload.begin(), payload.end());
  if (!runs_.back().IsWhole()) return;
  const std::vector<ByteSpan> payloads(parts_.begin(), parts_.end());
  Result<Checkpoint> whole = DecodeCheckpoint(payloads);
  RAFTMQ_CHECK(whole.has_value());
  log_start_ = whole->log_start;
  if (!faults_.forgets_at_resets) {
    sessions_ = TableOf<SessionTable>(whole->sessions);
    message_ids_ = TableOf<MessageIdTable>(whole->message_ids);
  }
  arrived_ = std::move(*whole);
  parts_.clear();
  awaits_checkpoint_ = false;
}

void LogState::AddWholeRun(Index first, Offset first_offset) {
  RAFTMQ_CHECK(runs_.empty() || runs_.back().first < first);
  runs_.push_back({.first = first, .last = first, .first_offset = first_offset});
}

void LogState::SetCommit(Index commit) {
  RAFTMQ_CHECK(commit >= commit_);
  commit_ = commit;
  while (memberships_.size() > 1 && memberships_[1].index <= commit)
    memberships_.erase(memberships_.begin());
  while (!changes_.empty() && changes_.front().index <= commit) {
    log_start_ = changes_.front().log_start;
    changes_.pop_front();
  }
  for (const Position& position : positions_) {
    if (position.last > commit) break;
    committed_end_ = position.end;
  }
  sessions_.SetCommit(commit);
  message_ids_.SetCommit(commit);
  ForgetPositions();
}

bool LogState::KnowsCommittedEnd() const {
  const auto behind = std::ranges::find_if(
      positions_, [this](const Position& position) { return position.last > commit_; });
  return behind == positions_.end() || behind->first > commit_;
}

void LogState::SetDurable(Index durable) {
  RAFTMQ_CHECK(durable >= durable_);
  durable_ = durable;
  for (const Position& position : positions_) {
    if (position.last > durable) break;
    durable_end_ = position.end;
    recorded_commit_ = std::max(recorded_commit_, position.committed_up_to);
  }
  ForgetPositions();
}

void LogState::ForgetPositions() {
  const Index both = std::min(commit_, durable_);
  while (!positions_.empty() && positions_.front().last <= both) {
    kept_recorded_commit_ = std::max(kept_recorded_commit_, positions_.front().committed_up_to);
    positions_.pop_front();
  }
}

void LogState::TruncateAfter(Index last_kept) {
  RAFTMQ_CHECK(last_kept >= commit_);
  sessions_.UndoAfter(last_kept);
  message_ids_.UndoAfter(last_kept);
  if (faults_.forgets_at_cuts) sessions_ = SessionTable();
  if (faults_.forgets_ids_at_cuts) message_ids_ = MessageIdTable();
  while (memberships_.back().index > last_kept) memberships_.pop_back();
  while (!changes_.empty() && changes_.back().index > last_kept) changes_.pop_back();
  while (!positions_.empty() && positions_.back().last > last_kept) positions_.pop_back();
  while (!runs_.empty() && runs_.back().first > last_kept) runs_.pop_back();
  if (!runs_.empty() && runs_.back().last > last_kept) {
    CheckpointRun& run = runs_.back();
    run.last = last_kept;
    run.found = static_cast<std::uint32_t>(last_kept.value() - run.first.value()) + 1;
  }
  if (awaits_checkpoint_) parts_.resize(runs_.empty() ? 0 : runs_.front().found);
  recorded_commit_ = kept_recorded_commit_;
  if (durable_ > last_kept) {
    durable_ = last_kept;
    durable_end_ = positions_.empty() ? committed_end_ : positions_.back().end;
  }
  for (const Position& position : positions_) {
    if (position.last <= durable_)
      recorded_commit_ = std::max(recorded_commit_, position.committed_up_to);
  }
}

void LogState::TruncateBefore(Index first_kept) {
  while (!runs_.empty() && runs_.front().first < first_kept) runs_.pop_front();
}

bool LogState::IsNewestRunBroken(Term current) const {
  if (runs_.empty() || runs_.back().IsWhole()) return false;
  return runs_.back().term < current;
}

// From the oldest on: as far as segments can go, not through all that stay.
std::optional<CheckpointRun> LogState::NewestFrontFor(Offset offset) const {
  std::optional<CheckpointRun> front;
  for (const CheckpointRun& run : runs_) {
    if (run.first_offset > offset || run.last > recorded_commit_) break;
    if (run.IsWhole()) front = run;
  }
  return front;
}

bool LogState::IsWholeToRecovery() const {
  return std::ranges::any_of(runs_, [this](const CheckpointRun& run) {
    return run.first > skipped_to_ && run.IsWhole() && run.last <= recorded_commit_;
  });
}

bool LogState::IsNewestUnrecorded() const {
  if (runs_.empty()) return false;
  const CheckpointRun& newest = runs_.back();
  return newest.IsWhole() && newest.last <= commit_ && newest.last > recorded_commit_ &&
         positions_.empty();
}

bool LogState::IsFrontUnrecorded(Offset offset) const {
  return runs_.size() >= 2 && runs_.back().first_offset <= offset && IsNewestUnrecorded();
}

ByteBuffer EncodeLogStart(const LogStartMove& move) {
  ByteBuffer payload(move.lost_from ? 2 * kOffsetBytes : kOffsetBytes);
  StoreLittleEndian(payload.data(), move.log_start.value());
  if (move.lost_from) StoreLittleEndian(payload.data() + kOffsetBytes, move.lost_from->value());
  return payload;
}

Result<LogStartMove> DecodeLogStart(ByteSpan payload) {
  if (payload.size() != kOffsetBytes && payload.size() != 2 * kOffsetBytes) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("expected a log start of 8 bytes, or of 16 with a loss, found {}",
                            payload.size()));
  }
  LogStartMove move{.log_start = Offset(LoadLittleEndian<std::uint64_t>(payload.data()))};
  if (payload.size() > kOffsetBytes)
    move.lost_from = Offset(LoadLittleEndian<std::uint64_t>(payload.data() + kOffsetBytes));
  return move;
}

}  // namespace raftmq
