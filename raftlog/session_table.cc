#include "raftlog/session_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/types/check.h"
#include "segment/byte_codec.h"

namespace raftmq {
namespace {

constexpr std::size_t kHeadBytes = 12;
constexpr std::size_t kSessionBytes = 25;  // Without its batches.
constexpr std::size_t kBatchBytes = 20;

// How far `sequence` lies behind `from`, modulo 2^32; negative if before.
std::int32_t Distance(std::uint32_t from, std::uint32_t sequence) {
  return static_cast<std::int32_t>(sequence - from);
}

}  // namespace

SessionJudgement SessionTable::Judge(const SessionBatch& batch) const {
  const auto found = sessions_.find(batch.session);
  if (found != sessions_.end()) return JudgeKnown(found->second, batch);
  const bool may_begin = batch.base_sequence == 0 && batch.session > floor_;
  return {.verdict = may_begin ? SessionVerdict::kBegins : SessionVerdict::kUnknown};
}

SessionJudgement SessionTable::JudgeKnown(const Session& session, const SessionBatch& batch) {
  if (batch.epoch < session.epoch) return {.verdict = SessionVerdict::kFenced};
  const std::int32_t ahead = Distance(session.next_sequence, batch.base_sequence);
  if (ahead == 0) return {.verdict = SessionVerdict::kContinues};
  if (ahead > 0 || session.batch_count == 0) return {.verdict = SessionVerdict::kGap};
  std::uint32_t first = session.next_sequence;
  for (std::size_t i = session.batch_count; i-- > 0;) {
    const Batch& kept = session.batches[i];
    first -= kept.record_count;
    if (first != batch.base_sequence || kept.record_count != batch.record_count) continue;
    return {.verdict = SessionVerdict::kDuplicate, .stored = kept.stored};
  }
  if (Distance(first, batch.base_sequence + batch.record_count) > 0)
    return {.verdict = SessionVerdict::kOverlap};
  // As long as nothing was forgotten, nothing lies before what is remembered.
  if (session.batch_count < kBatchesKept) return {.verdict = SessionVerdict::kGap};
  return {.verdict = SessionVerdict::kForgotten, .stored = session.batches[0].stored};
}

SessionVerdict SessionTable::JudgeOpening(SessionId session, std::uint32_t epoch) const {
  const auto found = sessions_.find(session);
  // Also up to the floor: its batches of lower epochs, however late, are fenced from then on.
  if (found == sessions_.end()) return SessionVerdict::kBegins;
  if (epoch < found->second.epoch) return SessionVerdict::kFenced;
  return epoch == found->second.epoch ? SessionVerdict::kDuplicate : SessionVerdict::kContinues;
}

std::optional<SessionTable::Batch> SessionTable::Session::Push(const Batch& batch) {
  next_sequence += batch.record_count;
  if (batch_count < kBatchesKept) {
    batches[batch_count++] = batch;
    return std::nullopt;
  }
  const Batch evicted = batches.front();
  std::copy(batches.begin() + 1, batches.end(), batches.begin());
  batches.back() = batch;
  return evicted;
}

void SessionTable::Session::TakeBackPush(const std::optional<Batch>& evicted) {
  RAFTMQ_CHECK(batch_count > 0);
  next_sequence -= batches[batch_count - 1].record_count;
  batches[--batch_count] = {};
  if (!evicted) return;
  std::copy_backward(batches.begin(), batches.end() - 1, batches.end());
  batches.front() = *evicted;
  ++batch_count;
}

void SessionTable::Append(const SessionBatch& batch, const StoredBatch& stored,
                          std::int64_t heard_ms) {
  const Batch kept{stored, batch.record_count};
  const auto found = sessions_.find(batch.session);
  const bool continues = found != sessions_.end() && batch.epoch >= found->second.epoch &&
                         batch.base_sequence == found->second.next_sequence;
  if (!continues) {
    Session begun{.epoch = batch.epoch, .next_sequence = batch.base_sequence, .heard_ms = heard_ms};
    begun.Push(kept);
    return Replace(stored.index, batch.session, begun);
  }
  Session& session = found->second;
  Extended undo{.session = batch.session, .epoch = session.epoch, .heard_ms = session.heard_ms};
  session.epoch = batch.epoch;
  session.heard_ms = heard_ms;
  undo.evicted = session.Push(kept);
  undo_.push_back({stored.index, undo});
}

void SessionTable::Open(Index index, SessionId session, std::uint32_t epoch,
                        std::int64_t append_time_ms) {
  const auto found = sessions_.find(session);
  Session now = found == sessions_.end() ? Session{} : found->second;
  now.epoch = std::max(now.epoch, epoch);
  now.heard_ms = append_time_ms;
  Replace(index, session, now);
}

void SessionTable::Replace(Index index, SessionId session, Session now) {
  if (const auto found = sessions_.find(session); found != sessions_.end()) {
    undo_.push_back({index, Replaced{.floor = floor_, .before = {{session, found->second}}}});
  } else {
    undo_.push_back({index, Begun{session}});
  }
  Put(session, now);
}

void SessionTable::Put(SessionId session, const Session& now) {
  sessions_[session] = now;
  NoteOldest(now.heard_ms);
}

void SessionTable::NoteOldest(std::int64_t heard_ms) const {
  oldest_ms_ = std::min(oldest_ms_, heard_ms);
}

void SessionTable::Expire(Index index, std::int64_t before_ms) {
  Replaced undo{.floor = floor_, .before = {}};
  for (auto session = sessions_.begin(); session != sessions_.end();) {
    if (session->second.heard_ms >= before_ms) {
      ++session;
      continue;
    }
    floor_ = std::max(floor_, session->first);
    undo.before.emplace_back(*session);
    session = sessions_.erase(session);
  }
  undo_.push_back({index, std::move(undo)});
}

void SessionTable::UndoAfter(Index last_kept) {
  while (!undo_.empty() && undo_.back().index > last_kept) {
    std::visit([this](const auto& change) { TakeBack(change); }, undo_.back().change);
    undo_.pop_back();
  }
}

void SessionTable::TakeBack(const Begun& begun) { sessions_.erase(begun.session); }

void SessionTable::TakeBack(const Extended& extended) {
  Session& session = sessions_.at(extended.session);
  session.TakeBackPush(extended.evicted);
  session.epoch = extended.epoch;
  session.heard_ms = extended.heard_ms;
  NoteOldest(extended.heard_ms);
}

void SessionTable::TakeBack(const Replaced& replaced) {
  floor_ = replaced.floor;
  for (const auto& [session, before] : replaced.before) Put(session, before);
}

void SessionTable::SetCommit(Index commit) {
  while (!undo_.empty() && undo_.front().index <= commit) undo_.pop_front();
}

std::optional<std::uint32_t> SessionTable::NextSequence(SessionId session) const {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return std::nullopt;
  return found->second.next_sequence;
}

bool SessionTable::HasOlderThan(std::int64_t before_ms) const {
  if (oldest_ms_ >= before_ms) return false;
  oldest_ms_ = std::numeric_limits<std::int64_t>::max();
  for (const auto& [id, session] : sessions_) NoteOldest(session.heard_ms);
  return oldest_ms_ < before_ms;
}

std::optional<std::int64_t> SessionTable::FindExpiry(std::size_t count,
                                                     std::int64_t keep_from_ms) const {
  RAFTMQ_CHECK(count > 0);
  if (!HasOlderThan(keep_from_ms)) return std::nullopt;
  std::vector<std::int64_t> old;
  for (const auto& [id, session] : sessions_) {
    if (session.heard_ms < keep_from_ms) old.push_back(session.heard_ms);
  }
  const auto last = old.begin() + static_cast<std::ptrdiff_t>(std::min(count, old.size())) - 1;
  std::nth_element(old.begin(), last, old.end());
  return *last + 1;
}

ByteBuffer SessionTable::Encode() const {
  if (sessions_.empty() && floor_ == SessionId(0)) return {};
  std::vector<std::pair<SessionId, const Session*>> sorted;
  sorted.reserve(sessions_.size());
  for (const auto& [id, session] : sessions_) sorted.emplace_back(id, &session);
  std::ranges::sort(sorted);
  ByteWriter out;
  out.Put(floor_.value());
  out.Put(static_cast<std::uint32_t>(sorted.size()));
  for (const auto& [id, session] : sorted) {
    out.Put(id.value());
    out.Put(session->epoch);
    out.Put(session->next_sequence);
    out.Put(session->heard_ms);
    out.Put(static_cast<std::uint8_t>(session->batch_count));
    for (std::size_t i = 0; i < session->batch_count; ++i) {
      const Batch& batch = session->batches[i];
      out.Put(batch.stored.base_offset.value());
      out.Put(batch.stored.append_time_ms);
      out.Put(batch.record_count);
    }
  }
  RAFTMQ_CHECK(out.bytes().size() == encoded_bytes());
  ByteBuffer encoded(out.bytes().size());
  std::ranges::copy(out.bytes(), encoded.data());
  return encoded;
}

std::size_t SessionTable::encoded_bytes() const {
  if (sessions_.empty() && floor_ == SessionId(0)) return 0;
  std::size_t batches = 0;
  for (const auto& [id, session] : sessions_) batches += session.batch_count;
  return kHeadBytes + size() * kSessionBytes + batches * kBatchBytes;
}

std::size_t SessionTable::encoded_bytes_max() const {
  return kHeadBytes + size() * (kSessionBytes + kBatchesKept * kBatchBytes);
}

Result<SessionTable> SessionTable::Decode(ByteSpan bytes) {
  SessionTable table;
  if (bytes.empty()) return table;
  ByteReader in(bytes);
  table.floor_ = SessionId(in.Get<std::uint64_t>());
  const auto count = in.Get<std::uint32_t>();
  SessionId last;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const SessionId id(in.Get<std::uint64_t>());
    Session session;
    session.epoch = in.Get<std::uint32_t>();
    session.next_sequence = in.Get<std::uint32_t>();
    session.heard_ms = in.Get<std::int64_t>();
    session.batch_count = in.Get<std::uint8_t>();
    if (id <= last || session.batch_count > kBatchesKept) {
      return Fail(ErrorCode::kBadBatch,
                  fmt::format("expected a session above {} with at most {} batches, found session "
                              "{} with {}",
                              last.value(), kBatchesKept, id.value(), session.batch_count));
    }
    for (std::size_t at = 0; at < session.batch_count; ++at) {
      Batch& batch = session.batches[at];
      batch.stored.base_offset = Offset(in.Get<std::uint64_t>());
      batch.stored.append_time_ms = in.Get<std::int64_t>();
      batch.record_count = in.Get<std::uint32_t>();
    }
    table.Put(id, session);
    last = id;
  }
  if (!in.ok() || in.left() != 0) {
    return Fail(ErrorCode::kBadBatch, fmt::format("a table of {} sessions has fields of another "
                                                  "length than {} bytes",
                                                  count, bytes.size()));
  }
  return table;
}

}  // namespace raftmq
