// The log start: it moves by a replicated entry, and files go after that has committed.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "raftlog/replica_group.h"
#include "segment/retention.h"

namespace raftmq {
namespace {

constexpr Microseconds kRetentionInterval = std::chrono::seconds(1);
// A leader rolls before its segment is full only after this many times the checkpoint's bytes.
constexpr std::size_t kBytesPerCheckpointByte = 64;

}  // namespace

void ReplicaGroup::Trim(Offset log_start, std::function<void(Result<Offset>)> done) {
  if (const Status serving = CheckServing(); !serving) return done(Fail(serving.error()));
  if (!core_.IsAccepting()) return done(Fail(RefusedNotLeader()));
  if (log_start > state_.committed_end()) {
    if (!KnowsCommit()) return done(Fail(NotYet()));
    return ReadIndex([this, log_start, done = std::move(done)](const Result<Offset>& end) {
      if (!end) return done(Fail(NotYet()));  // Deposed: its end is not the end.
      if (log_start <= *end) return Trim(log_start, done);
      done(Fail(ErrorCode::kOffsetBeyondEnd,
                fmt::format("expected a log start up to the end {}, found {}", end->value(),
                            log_start.value())));
    });
  }
  if (log_start <= state_.committed_log_start()) return done(state_.committed_log_start());
  ProposeLogStart({.log_start = log_start},
                  [this, done = std::move(done)](Result<Proposed> proposed) {
                    if (!proposed) return done(Fail(std::move(proposed).error()));
                    done(state_.committed_log_start());
                  });
}

void ReplicaGroup::ProposeLogStart(const LogStartMove& move, ProposeDone done) {
  ByteBuffer frame = MakeControlEntry(EntryKind::kLogStart, EncodeLogStart(move).span());
  const std::size_t bytes = frame.size();
  deps_.metrics.log_start_moves.Add();
  Proposal proposal{.kind = EntryKind::kLogStart,
                    .buffer = std::move(frame),
                    .frame_bytes = bytes,
                    .done = std::move(done),
                    .proposed_at = deps_.clock.SteadyNow()};
  // Overtakes data that waits for space: it is what makes space.
  switch (const Room room = MakeRoom(proposal.kind, bytes)) {
    case Room::kGo:
      Append(std::move(proposal));
      break;
    case Room::kWait:
      proposals_.Hold(std::move(proposal));
      break;
    case Room::kFull:
    case Room::kTooLarge:
      Refuse(proposal, room);
      break;
  }
  UpdateGauges();
}

// A state machine stands whole in each checkpoint, so an internal topic needs no log before it.
void ReplicaGroup::DropOldSegments() {
  const Offset keep_from =
      options_.internal ? state_.committed_end() : state_.committed_log_start();
  const std::optional<CheckpointRun> front = state_.NewestFrontFor(keep_from);
  if (!front || front->first <= log_->bounds().first) return;
  // Entries that the state machine has not seen yet are still needed.
  if (options_.internal && applier_.applied() < front->last) return;
  log_->TruncateBefore(front->first);
  core_.TruncateBefore(log_->bounds().first);
  state_.TruncateBefore(front->first);
  MeasureLog();
}

void ReplicaGroup::MaybeRetain() {
  const Microseconds now = deps_.clock.SteadyNow();
  if (now < retention_due_) return;
  retention_due_ = now + kRetentionInterval;
  if (draining_ || options_.internal || !core_.IsAccepting()) return;
  MaybeExpireSessions();
  MaybeExpireMessageIds();
  MaybePrepareLargerSegment();
  // One move at a time.
  if (state_.log_start() != state_.committed_log_start()) return;
  if (const auto log_start = Retain()) return ProposeLogStart({*log_start, {}}, nullptr);
  // A log that nobody writes to any more lets its last old file go, too.
  if (state_.IsFrontUnrecorded(state_.log_start()))
    ProposeLogStart({state_.log_start(), {}}, nullptr);
  MaybeRollExpired();
  MaybeRollGivenUp();
}

// A replica that is fed from the files would have to begin anew if they went before it has them.
std::optional<Offset> ReplicaGroup::Retain() {
  const std::vector<PartitionLog::SegmentInfo> segments = log_->Segments();
  const RetentionSettings settings{.retention_ms = options_.retention_ms,
                                   .retention_bytes = options_.retention_bytes};
  RetentionMoment moment{.now_ms = deps_.clock.WallNowMs(),
                         .log_start = state_.committed_log_start(),
                         .end = state_.committed_end()};
  const std::optional<Offset> wanted = RetainFrom(segments, settings, moment);
  moment.awaited = AwaitedByFollowers(segments);
  const std::optional<Offset> log_start = RetainFrom(segments, settings, moment);
  if (log_start == wanted || IsDiskFull()) return wanted;
  deps_.metrics.retention_waits.Add();
  return log_start;
}

// Of those who answer: the beginning of the segment where the one furthest behind goes on, after a
// power cut, too. Whoever is fed from the cache needs no file.
std::optional<Offset> ReplicaGroup::AwaitedByFollowers(
    const std::vector<PartitionLog::SegmentInfo>& segments) const {
  std::optional<Index> lacked;
  for (const Progress& follower : core_.followers()) {
    if (follower.is_lost || follower.is_silent) continue;
    const Index next = follower.durable.Next();
    if (next > core_.status().last || cache_.FindIndex(next) != nullptr) continue;
    lacked = lacked ? std::min(*lacked, next) : next;
  }
  if (!lacked) return std::nullopt;
  const auto behind = std::ranges::upper_bound(
      segments, *lacked, {},
      [](const PartitionLog::SegmentInfo& segment) { return segment.first; });
  return behind == segments.begin() ? behind->first_offset : std::prev(behind)->first_offset;
}

// When nothing in the active segment is kept any more, a new one lets its file go.
void ReplicaGroup::MaybeRollExpired() {
  if (proposals_.has_held() || state_.runs().empty()) return;
  const CheckpointRun& active = state_.runs().back();
  if (state_.committed_log_start() != state_.committed_end()) return;
  if (state_.committed_end() != log_->bounds().next_offset) return;
  if (active.first_offset == state_.committed_end()) return;  // It never held a record.
  const std::vector<PartitionLog::SegmentInfo> segments = log_->Segments();
  if (segments.back().used_bytes < kBytesPerCheckpointByte * active.bytes) return;
  static_cast<void>(TryRoll());  // No space now: the next pass tries again.
}

}  // namespace raftmq
