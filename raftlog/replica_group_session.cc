// Producers' sessions: what may be appended, opening and expiry.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/replica_group.h"

namespace raftmq {
namespace {

// Of a full table, so many sessions at least make place at a time: a share of it, so that not every
// new one writes an entry and looks through the table.
constexpr std::size_t kShareExpired = 16;

SessionId SessionOf(const Proposal& proposal) {
  if (const auto* const batch = std::get_if<SessionBatch>(&proposal.session)) return batch->session;
  return std::get<SessionOpening>(proposal.session).session;
}

// "session 9 in epoch 2, sequences 10 to 12", for messages.
std::string NameOf(const Proposal& proposal) {
  if (const auto* const opening = std::get_if<SessionOpening>(&proposal.session))
    return fmt::format("session {} in epoch {}", opening->session.value(), opening->epoch);
  const auto& batch = std::get<SessionBatch>(proposal.session);
  return fmt::format("session {} in epoch {}, sequences {} to {}", batch.session.value(),
                     batch.epoch, batch.base_sequence,
                     batch.base_sequence + batch.record_count - 1);
}

}  // namespace

void ReplicaGroup::OpenSession(SessionId session, std::uint32_t epoch,
                               std::function<void(Result<OpenedSession>)> done) {
  RAFTMQ_CHECK(session != SessionId(0));
  const SessionOpening opening{session, epoch};
  ByteBuffer frame = MakeControlEntry(EntryKind::kSession, EncodeSessionEntry(opening).span());
  const std::size_t bytes = frame.size();
  Enter({.kind = EntryKind::kSession,
         .buffer = std::move(frame),
         .frame_bytes = bytes,
         .session = opening,
         .done = [this, opening, done = std::move(done)](Result<Proposed> proposed) {
           if (!proposed) return done(Fail(std::move(proposed).error()));
           const auto next = state_.sessions().NextSequence(opening.session);
           if (!next) return done(Fail(ErrorCode::kUnknownSession, "the session has expired"));
           const bool is_new = *next == 0 && opening.session <= state_.sessions().floor();
           done(OpenedSession{opening.epoch, *next, is_new});
         }});
}

SessionJudgement ReplicaGroup::Judge(const Proposal& proposal) const {
  const SessionTable& sessions = state_.sessions();
  if (const auto* const batch = std::get_if<SessionBatch>(&proposal.session)) {
    SessionBatch judged = *batch;
    if (options_.session_faults.fences_nobody)
      judged.epoch = std::numeric_limits<std::uint32_t>::max();
    return sessions.Judge(judged);
  }
  if (const auto* const opening = std::get_if<SessionOpening>(&proposal.session))
    return {.verdict = sessions.JudgeOpening(opening->session, opening->epoch)};
  return {};
}

void ReplicaGroup::AnswerJudged(Proposal proposal, const SessionJudgement& judged) {
  if (judged.verdict == SessionVerdict::kDuplicate) {
    const bool is_batch = std::holds_alternative<SessionBatch>(proposal.session);
    // An opening repeats an earlier one: all before is to be committed.
    const StoredBatch stored = is_batch ? judged.stored : StoredBatch{.index = log_->tail().index};
    if (is_batch) deps_.metrics.duplicates.Add();
    return AnswerDuplicate(std::move(proposal), stored);
  }
  Error why = RefusedBySession(proposal, judged);
  RefuseByState(std::move(proposal), std::move(why));
}

// As the first time, not before that is committed: the outcome of what is under way is not known
// yet (I-32).
void ReplicaGroup::AnswerDuplicate(Proposal proposal, const StoredBatch& stored) {
  if (!proposal.done) return;
  const Proposed original{.index = stored.index,
                          .base_offset = stored.base_offset,
                          .append_time_ms = stored.append_time_ms,
                          .is_duplicate = true};
  const bool is_early = proposal.options.in_memory || options_.session_faults.acks_uncommitted;
  if (is_early || original.index <= VisibleCommit()) return proposal.done(original);
  proposals_.Join({original, std::move(proposal.done), proposal.proposed_at});
}

// Of a session that would begin: there is no place for it.
Error ReplicaGroup::RefusedBySession(const Proposal& proposal, const SessionJudgement& judged) {
  GroupMetrics& metrics = deps_.metrics;
  const std::uint32_t next = state_.sessions().NextSequence(SessionOf(proposal)).value_or(0);
  const std::string name = NameOf(proposal);
  switch (judged.verdict) {
    case SessionVerdict::kFenced:
      metrics.refused_fenced.Add();
      return {ErrorCode::kFenced, fmt::format("{} was taken over in a higher epoch", name)};
    case SessionVerdict::kGap:
      metrics.refused_sequence_gap.Add();
      return {ErrorCode::kSequenceGap, fmt::format("expected sequence {}, found {}", next, name)};
    case SessionVerdict::kOverlap:
      metrics.refused_sequence_overlap.Add();
      return {ErrorCode::kSequenceOverlap,
              fmt::format("expected sequence {} or a batch as it was sent before, found {}, which "
                          "repeats a part of what is stored",
                          next, name)};
    case SessionVerdict::kForgotten:
      if (judged.stored.index > VisibleCommit()) {
        metrics.refused_overloaded.Add();
        return {ErrorCode::kOverloaded,
                fmt::format("{} batches after {} wait for their commit; back off",
                            SessionTable::kBatchesKept, name)};
      }
      metrics.refused_duplicate_unknown.Add();
      return {ErrorCode::kDuplicateOffsetUnknown,
              fmt::format("{} was stored long ago, where is not known any more", name)};
    case SessionVerdict::kBegins:
      metrics.refused_sessions_full.Add();
      return {ErrorCode::kLimitExceeded,
              fmt::format("{} would be one too many: {} are kept, all heard of within {} ms", name,
                          state_.sessions().size(), options_.session_min_age_ms)};
    default:
      RAFTMQ_CHECK(judged.verdict == SessionVerdict::kUnknown);
      metrics.refused_unknown_session.Add();
      return {ErrorCode::kUnknownSession,
              fmt::format("expected sequence 0 of a session above {}, found {}, which is not known "
                          "here: it may have expired",
                          state_.sessions().floor().value(), name)};
  }
}

// nullopt if none can make place. Those do that were not heard of for longest, by the time that the
// entry itself gets: were it the time of the entry before, a table full of sessions whose producers
// are all gone would stay full.
std::optional<ReplicaGroup::Room> ReplicaGroup::MakeRoomForSession() {
  const SessionTable& sessions = state_.sessions();
  if (sessions.size() < options_.sessions_max) return Room::kGo;
  const std::int64_t now_ms = std::max(log_->tail().append_time_ms, deps_.clock.WallNowMs());
  const std::size_t excess = sessions.size() - options_.sessions_max;
  const std::size_t count =
      excess + std::max<std::size_t>(options_.sessions_max / kShareExpired, 1);
  const auto before_ms = sessions.FindExpiry(count, now_ms - options_.session_min_age_ms);
  if (!before_ms) return std::nullopt;
  if (const Room room = ProposeStateEntry(SessionExpiry{*before_ms}); room != Room::kGo)
    return room;
  if (sessions.size() >= options_.sessions_max) return std::nullopt;
  return Room::kGo;
}

// By log time: a log to which nobody writes forgets nobody.
void ReplicaGroup::MaybeExpireSessions() {
  if (proposals_.has_held()) return;
  const std::int64_t before_ms = log_->tail().append_time_ms - options_.session_expiry_ms;
  if (!state_.sessions().HasOlderThan(before_ms)) return;
  // No room now: the next pass tries again.
  static_cast<void>(ProposeStateEntry(SessionExpiry{before_ms}));
}

ReplicaGroup::Room ReplicaGroup::ProposeStateEntry(const SessionEntry& entry) {
  ByteBuffer frame = MakeControlEntry(EntryKind::kSession, EncodeSessionEntry(entry).span());
  const std::size_t bytes = frame.size();
  const Room room = MakeRoom(EntryKind::kSession, bytes);
  if (room != Room::kGo) return room;
  const std::size_t known = state_.sessions().size();
  Append({.kind = EntryKind::kSession, .buffer = std::move(frame), .frame_bytes = bytes});
  deps_.metrics.sessions_expired.Add(known - state_.sessions().size());
  return Room::kGo;
}

}  // namespace raftmq
