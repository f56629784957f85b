// A leader's checkpoints against those that this replica computes itself: a difference means that
// one of the two derived another state from the same log. This replica stops, so that nothing is
// built on it (DESIGN.md).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/replica_group.h"

namespace raftmq {

// Just before the entry is staged. False once this replica has stopped.
bool ReplicaGroup::CompareReceived(const Frame& part) {
  if (part.header.producer.kind != EntryKind::kCheckpoint) return true;
  if (IsCheckpointStart(part)) {
    if (!options_.internal) own_checkpoints_.clear();  // A new term broke it off.
    // What this replica is to begin with, or cannot know.
    if (state_.AwaitsCheckpoint() || !state_.is_whole()) return true;
    const Result<Checkpoint> head = CheckpointHeadOf(part.payload());
    const std::uint64_t segment_bytes = head ? head->segment_bytes : 0;  // Up to the leader.
    OwnCheckpoint own{.first = part.header.leader.index,
                      .checkpoint = MakeCheckpointOfLog(segment_bytes),
                      .parts = {}};
    if (!options_.internal) own.parts = EncodeCheckpoint(own.checkpoint);
    own_checkpoints_.push_back(std::move(own));
  }
  if (options_.internal || own_checkpoints_.empty()) return true;
  return Compare(own_checkpoints_.front(), part);
}

// When all commands before it are applied, and nothing behind it.
bool ReplicaGroup::CompareApplied(const Frame& part) {
  const Index index = part.header.leader.index;
  const auto is_over = [&] {
    return own_checkpoints_.size() > 1 && own_checkpoints_[1].first <= index;
  };
  while (is_over()) own_checkpoints_.pop_front();
  if (own_checkpoints_.empty() || own_checkpoints_.front().first > index) return true;
  OwnCheckpoint& own = own_checkpoints_.front();
  if (own.parts.empty()) {
    own.checkpoint.state_machine = capture_();
    own.parts = EncodeCheckpoint(own.checkpoint);
  }
  return Compare(own, part);
}

bool ReplicaGroup::Compare(const OwnCheckpoint& own, const Frame& part) {
  const Index index = part.header.leader.index;
  const auto at = static_cast<std::size_t>(index.value() - own.first.value());
  if (at >= own.parts.size() || !std::ranges::equal(own.parts[at].span(), part.payload())) {
    Stop({ErrorCode::kStateDiverged,
          fmt::format(
              "node {} computes another checkpoint of {} at entry {} than node {}, the "
              "leader of term {}, whose part {} of it is entry {}; this replica has stopped",
              options_.self.value(), options_.log.group.ToString(), own.first.value(),
              core_.status().leader.value(), part.header.leader.term.value(), at, index.value())});
    return false;
  }
  if (at + 1 == own.parts.size()) own_checkpoints_.pop_front();
  return true;
}

// What was staged may still reach the disk, but nobody is told. From here on only Drain does
// anything.
void ReplicaGroup::Stop(Error why) {
  RAFTMQ_CHECK(!failure_);
  failure_ = std::move(why);
  last_status_ = std::make_unique<GroupStatus>(status());
  last_status_->leader = NodeId(0);
  last_status_->is_leader = false;
  last_status_->has_stopped = true;
  deps_.metrics.diverged.Set(deps_.metrics.diverged.value() + 1);
  if (deps_.heartbeats != nullptr) deps_.heartbeats->Update(options_.log.group, {});
  own_checkpoints_.clear();
  proposals_.LoseAbove(Index(0), UnknownOutcome());
  while (proposals_.has_held()) {
    const Proposal held = proposals_.TakeHeld();
    if (held.done) held.done(Fail(RefusedNotLeader()));
  }
  EndQuestions(*failure_);
  if (transfer_) {
    const Transfer transfer = *std::exchange(transfer_, std::nullopt);
    for (const auto& done : transfer.waiting) done(Fail(*failure_));
  }
  UpdateGauges();
  if (on_commit_) on_commit_();  // Whoever waits for more is told that none comes.
}

}  // namespace raftmq
