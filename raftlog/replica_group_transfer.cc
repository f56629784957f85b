// Leadership that is handed to another replica, and what becomes of that.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "raftlog/replica_group.h"

namespace raftmq {
namespace {

// While it is tried, what comes is held: where all are short of space, that is for nothing.
constexpr Microseconds kLeaveInterval = std::chrono::seconds(10);

}  // namespace

// 1. The core takes no more proposals and waits until `to` has synced everything; what is proposed
//    meanwhile is held.
// 2. `to` campaigns. Its request for our vote ends the leadership here.
// 3. Its first append says that it leads: what was held is refused, and whoever sent it knows where
//    to go; what was appended before is answered as its commit becomes known.
void ReplicaGroup::TransferTo(NodeId to, std::function<void(Status)> done) {
  if (const Status serving = CheckServing(); !serving) return done(Fail(serving.error()));
  if (core_.status().role != RaftRole::kLeader) return done(Fail(RefusedNotLeader()));
  if (to == options_.self) return done(Ok());
  if (transfer_ && transfer_->to != to) {
    return done(Fail(ErrorCode::kNotYet,
                     fmt::format("{} is being handed to node {} already",
                                 options_.log.group.ToString(), transfer_->to.value())));
  }
  if (!transfer_) {
    if (const Status started = core_.TransferTo(to); !started) return done(started);
    transfer_ = Transfer{.to = to, .due = deps_.clock.SteadyNow() + kAnswerTimeout, .waiting = {}};
  }
  transfer_->waiting.push_back(std::move(done));
  CarryOut({});
}

void ReplicaGroup::SettleTransfer() {
  if (!transfer_) return;
  const std::optional<Status> outcome = OutcomeOfTransfer();
  if (outcome) EndTransfer(*outcome);
}

void ReplicaGroup::EndTransfer(const Status& outcome) {
  if (!transfer_) return;
  const auto waiting = std::exchange(transfer_, std::nullopt)->waiting;
  ReleaseHeld();
  for (const auto& done : waiting) done(outcome);
}

// Nothing while it is under way.
std::optional<Status> ReplicaGroup::OutcomeOfTransfer() const {
  const RaftStatus& raft = core_.status();
  if (core_.IsAccepting()) {
    return Fail(ErrorCode::kTimeout,
                fmt::format("node {} did not take over within an election timeout: it is down or "
                            "far behind; node {} leads on",
                            transfer_->to.value(), options_.self.value()));
  }
  if (raft.role == RaftRole::kLeader) return std::nullopt;
  if (raft.leader == transfer_->to) return Ok();
  if (raft.leader != NodeId(0)) {
    return Fail(ErrorCode::kTimeout, fmt::format("node {} leads now, not node {}",
                                                 raft.leader.value(), transfer_->to.value()));
  }
  if (deps_.clock.SteadyNow() < transfer_->due) return std::nullopt;
  return Fail(ErrorCode::kTimeout,
              fmt::format("node {} was to take over, but nobody leads yet", transfer_->to.value()));
}

// Producers go on where there is space. A replica that has none either does not take over.
void ReplicaGroup::MaybeLeaveForSpace() {
  if (!IsSpaceLow() || draining_ || transfer_ || !core_.IsAccepting()) return;
  const Microseconds now = deps_.clock.SteadyNow();
  if (now < leave_due_) return;
  leave_due_ = now + kLeaveInterval;
  HandOver([] {});
}

void ReplicaGroup::HandOver(std::function<void()> done) {
  std::vector<Progress> voters;
  for (const Progress& follower : core_.followers()) {
    // One that is probed is away, or has just come back.
    if (follower.replica.voter && !follower.is_probing) voters.push_back(follower);
  }
  std::ranges::sort(voters, [](const Progress& one, const Progress& other) {
    return std::pair(one.durable, one.was_heard) > std::pair(other.durable, other.was_heard);
  });
  std::vector<NodeId> to;
  for (const Progress& voter : voters) to.push_back(voter.replica.node);
  HandOverTo(std::move(to), std::move(done));
}

void ReplicaGroup::HandOverTo(std::vector<NodeId> to, std::function<void()> done) {
  if (!CheckServing() || core_.status().role != RaftRole::kLeader || to.empty()) return done();
  const NodeId first = to.front();
  to.erase(to.begin());
  TransferTo(first, [this, to = std::move(to), done = std::move(done)](const Status& outcome) {
    if (outcome) return done();
    HandOverTo(to, done);
  });
}

}  // namespace raftmq
