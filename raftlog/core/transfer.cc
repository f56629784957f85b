// Handing leadership on (thesis, section 3.10).
#include <fmt/format.h>

#include "raftlog/core/invariants.h"
#include "raftlog/core/raft.h"

namespace raftmq {

Status Raft::TransferTo(NodeId to) {
  const RaftInvariants::Step step(*this);
  if (status_.role != RaftRole::kLeader)
    return Fail(ErrorCode::kNotLeader, "only the leader can hand leadership on");
  const Progress* const target = FindFollower(to);
  if (target == nullptr || !target->replica.voter) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("node {} is no other voter of this group", to.value()));
  }
  transfer_to_ = to;
  transfer_elapsed_ = 0;
  is_transfer_sent_ = false;
  MaybeFinishTransfer();
  return Ok();
}

// Proposals are held off meanwhile, so the target catches up; then it need not wait for a timeout.
void Raft::MaybeFinishTransfer() {
  if (transfer_to_ == NodeId(0) || is_transfer_sent_) return;
  const Progress* const target = FindFollower(transfer_to_);
  if (target == nullptr || !target->replica.voter) {
    transfer_to_ = NodeId(0);
    return;
  }
  if (target->durable != log_.last()) return;
  is_transfer_sent_ = true;
  Send(target->replica.id(), TransferNow{});
}

// What is under way here may never be synced, so nobody waits for it: whoever has most is asked at
// once, and need not wait for a timeout. Should it have too little, or be gone, the timers decide.
void Raft::GiveUp() {
  const RaftInvariants::Step step(*this);
  if (status_.role != RaftRole::kLeader) return;
  const Progress* successor = nullptr;
  for (const Progress& follower : followers_) {
    // One that is probed is away, or has just come back.
    if (!follower.replica.voter || follower.is_probing) continue;
    if (successor == nullptr || follower.durable > successor->durable) successor = &follower;
  }
  if (successor != nullptr) Send(successor->replica.id(), TransferNow{});
  BecomeFollower(status_.term, NodeId(0));
}

// Without pre-vote: a leader asked for it. One that waited for us (TransferTo) also knows that this
// replica has everything.
void Raft::OnTransferNow(const RaftMessage& message) {
  if (status_.leader != message.from.node || !IsVoter(config_.self)) return;
  if (MayCampaign() && damage_.empty()) Campaign(true);
}

}  // namespace raftmq
