// A follower below the leader's log start: its log is dropped and begins anew with the checkpoint
// that opens the leader's (DESIGN.md).
#include <optional>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/replica_group.h"

namespace raftmq {

// Beside the message goes the first part of that checkpoint. What has to be read for it is sent
// when it has been read; each heartbeat says it again until the follower agrees.
void ReplicaGroup::SendReset(RaftMessage message) {
  const Index first = log_->bounds().first;
  RAFTMQ_CHECK(std::get<ResetRequest>(message.body).before.Next() == first);
  const NodeId to = message.to.node;
  if (catch_ups_[to].is_reading) return;
  std::unique_ptr<LogRead> read =
      log_->Read({.by = ReadFrom::By::kIndex, .value = first.value()}, first, /*bytes_max=*/1);
  if (!read) return;
  catch_ups_[to].is_reading = true;
  reader_.Run(std::move(read), [this, to, first, message](Result<LogSlice> slice) mutable {
    catch_ups_[to].is_reading = false;
    const bool leads = core_.status().role == RaftRole::kLeader;
    if (!leads || core_.status().term != message.term || log_->bounds().first != first) return;
    if (!slice || slice->first != first) return;
    const std::optional<Frame> part = FrameCursor(slice->bytes).Next();
    if (part) Send(std::move(message), {part->bytes});
  });
}

// Behind a base comes its checkpoint, and nothing else.
bool ReplicaGroup::SuitsBase(const std::vector<Frame>& entries) const {
  if (!state_.AwaitsCheckpoint()) return true;
  std::vector<Frame> next;
  for (const Frame& entry : entries) {
    if (entry.header.leader.index > log_->tail().index) next.push_back(entry);
  }
  // With a gap before them the core refuses them, and says so.
  if (next.empty() || next.front().header.leader.index != log_->tail().index.Next()) return true;
  return state_.BringCheckpoint(next);
}

void ReplicaGroup::ResetLog(const LogBase& base) {
  log_->Reset(base);
  cache_.TruncateAfter(Index(0));
  state_ = LogState::BehindBase({.group = options_.log.group,
                                 .group_seed = log_->group_seed(),
                                 .membership = base.membership,
                                 .before = base.before,
                                 .log_start = base.before.next_offset});
  state_.SwitchOff(options_.session_faults);
  own_checkpoints_.clear();
  applier_.Restart(base.before.index);
  deps_.metrics.resets.Add();
  MeasureLog();
  // They may be in the log that was dropped, or in what the leader has deleted.
  proposals_.LoseAbove(Index(0), UnknownOutcome());
}

// A state machine goes on from there.
void ReplicaGroup::TakeArrivedCheckpoint() {
  const std::optional<Checkpoint> arrived = state_.TakeArrived();
  if (!arrived || !options_.internal) return;
  restore_(arrived->state_machine.span());
  applier_.Restart(log_->tail().index);
}

}  // namespace raftmq
