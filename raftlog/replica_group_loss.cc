// Damage of which no replica has a good copy is given up, when an operator says so: the log start
// moves behind it by an entry that names what was lost (DESIGN.md, "Giving up what is lost").
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "raftlog/replica_group.h"

namespace raftmq {

void ReplicaGroup::AcceptLoss(Offset to, std::function<void(Result<AcceptedLoss>)> done) {
  if (const Status serving = CheckServing(); !serving) return done(Fail(serving.error()));
  if (!core_.IsAccepting()) return done(Fail(RefusedNotLeader()));
  if (!KnowsCommit()) return done(Fail(NotYet()));
  if (to <= state_.committed_end()) return ProposeLoss(to, std::move(done));
  ReadIndex([this, to, done = std::move(done)](const Result<Offset>& end) {
    if (!end) return done(Fail(NotYet()));  // Deposed: its end is not the end.
    if (to <= *end) return AcceptLoss(to, done);
    done(Fail(
        ErrorCode::kOffsetBeyondEnd,
        fmt::format("expected an offset up to the end {}, found {}", end->value(), to.value())));
  });
}

void ReplicaGroup::ProposeLoss(Offset to, std::function<void(Result<AcceptedLoss>)> done) {
  // As the same order before this one has left it.
  if (to <= state_.committed_log_start())
    return done(AcceptedLoss{state_.committed_log_start(), FilesEnd()});
  if (const Status allowed = CheckLoss(to); !allowed) return done(Fail(allowed.error()));
  const Offset lost_from = std::max(damage().front().first_offset, state_.committed_log_start());
  ProposeLogStart({.log_start = to, .lost_from = lost_from},
                  [this, done = std::move(done)](Result<Proposed> proposed) {
                    if (!proposed) return done(Fail(std::move(proposed).error()));
                    deps_.metrics.losses_accepted.Add();
                    done(AcceptedLoss{state_.committed_log_start(), FilesEnd()});
                  });
}

// Nothing good is given up by mistake: neither what can be repaired nor half of what is damaged.
Status ReplicaGroup::CheckLoss(Offset to) const {
  const std::string name = options_.log.group.ToString();
  if (options_.internal) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} holds the broker's own state: restore it from a backup", name));
  }
  const bool is_only_copy = HasOnlyCopy();
  bool is_damaged = false;
  for (const DamagedRange& range : damage()) {
    if (range.first_offset >= to) break;
    const std::string where = fmt::format("offsets {} to {} of {}", range.first_offset.value(),
                                          range.end_offset.value(), name);
    if (range.end_offset > to) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("offset {} lies within damage, {}: give up to its end, offset {}",
                              to.value(), where, range.end_offset.value()));
    }
    if (!is_only_copy && !IsHopeless(range)) {
      return Fail(ErrorCode::kNotYet,
                  fmt::format("{} may be repaired still: not all replicas have said that they hold "
                              "them damaged as well; start those that are down",
                              where));
    }
    is_damaged = true;
  }
  if (is_damaged) return Ok();
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("nothing is known to be damaged from the log start {} to offset {} of "
                          "{}; `raftmq topic trim` removes good records",
                          state_.committed_log_start().value(), to.value(), name));
}

std::vector<DamagedRange> ReplicaGroup::damage() const {
  std::vector<DamagedRange> open = log_->damage();
  std::erase_if(open, [this](const DamagedRange& range) { return IsGivenUp(range); });
  return open;
}

// Whether nobody misses its records any more. Where entries were passed over when the log was
// opened, more is missing than records: the state is not known.
bool ReplicaGroup::IsGivenUp(const DamagedRange& range) const {
  if (!state_.is_whole() && !options_.is_only_replica) return false;
  const Offset log_start = state_.committed_log_start();
  return range.last <= core_.status().commit && range.first_offset < log_start &&
         range.end_offset <= log_start;
}

// Of the last segment that holds something given up.
Offset ReplicaGroup::FilesEnd() const {
  Index last;
  for (const DamagedRange& range : log_->damage()) {
    if (IsGivenUp(range)) last = range.last;
  }
  if (last == Index(0)) return state_.committed_log_start();  // They are gone.
  const std::vector<PartitionLog::SegmentInfo> segments = log_->Segments();
  const auto behind =
      std::ranges::upper_bound(segments, last, {}, &PartitionLog::SegmentInfo::first);
  return behind == segments.end() ? state_.committed_end() : behind->first_offset;
}

// In the active segment, what is given up would stay for as long as nobody writes, and stand in the
// way of the next opening, which reads from the newest checkpoint that is known to be committed.
void ReplicaGroup::MaybeRollGivenUp() {
  if (proposals_.has_held() || log_->damage().empty() || state_.runs().empty()) return;
  Index last;
  for (const DamagedRange& range : log_->damage()) {
    if (IsGivenUp(range)) last = range.last;
  }
  if (last == Index(0)) return;
  const Index active = std::max(log_->Segments().back().first, state_.runs().back().first);
  if (last >= active) {
    static_cast<void>(TryRoll());  // No space now: the next pass tries again.
  } else if (state_.IsNewestUnrecorded()) {
    ProposeLogStart({state_.log_start(), {}}, nullptr);
  }
}

}  // namespace raftmq
