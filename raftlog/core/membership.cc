// Membership (Raft paper, section 6; thesis, section 4): one change at a time, which counts as soon
// as it is in the log and goes when its entry is cut off.
#include <fmt/format.h>

#include <algorithm>

#include "protocol/types/check.h"
#include "raftlog/core/invariants.h"
#include "raftlog/core/raft.h"

namespace raftmq {
namespace {

const Replica* Find(const Membership& membership, NodeId node) {
  for (const Replica& replica : membership) {
    if (replica.node == node) return &replica;
  }
  return nullptr;
}

Error NotOneChange() {
  return {ErrorCode::kInvalidArgument,
          "expected one change: a learner added, a learner promoted, or a replica removed"};
}

}  // namespace

bool Raft::IsMember(ReplicaId id) const {
  const Replica* const found = Find(membership(), id.node);
  return found != nullptr && found->number == id.number;
}

bool Raft::IsVoter(ReplicaId id) const {
  const Replica* const found = Find(membership(), id.node);
  return found != nullptr && found->number == id.number && found->voter;
}

std::size_t Raft::VoterCount() const {
  return static_cast<std::size_t>(std::ranges::count(membership(), true, &Replica::voter));
}

Status Raft::CheckChange(const Membership& next) const {
  if (!std::ranges::is_sorted(next, std::ranges::less_equal{}, &Replica::node) && next.size() > 1)
    return Fail(NotOneChange());
  std::size_t changes = 0;
  const Replica* promoted = nullptr;
  for (const Replica& replica : next) {
    const Replica* const now = Find(membership(), replica.node);
    if (now != nullptr && *now == replica) continue;
    ++changes;
    if (now == nullptr && replica.voter) return Fail(NotOneChange());
    if (now == nullptr) continue;
    if (now->number != replica.number || now->voter) return Fail(NotOneChange());
    promoted = now;
  }
  for (const Replica& replica : membership()) {
    if (Find(next, replica.node) == nullptr) ++changes;
  }
  if (changes != 1) return Fail(NotOneChange());
  if (std::ranges::count(next, true, &Replica::voter) == 0) return Fail(NotOneChange());
  if (promoted == nullptr) return Ok();
  for (const Progress& follower : followers_) {
    if (follower.replica.node == promoted->node && follower.durable >= status_.commit) return Ok();
  }
  return Fail(ErrorCode::kNotYet,
              fmt::format("the learner on node {} has not caught up yet", promoted->node.value()));
}

Result<Index> Raft::ProposeMembership(const Membership& next, std::size_t bytes) {
  const RaftInvariants::Step step(*this);
  if (status_.role != RaftRole::kLeader || transfer_to_ != NodeId(0))
    return Fail(ErrorCode::kNotLeader, "only the leader can change the membership");
  // Else two leaders could change an old membership in two ways that share no majority (Ongaro,
  // raft-dev, July 2015).
  if (!KnowsCommit())
    return Fail(ErrorCode::kNotYet, "nothing of this leader's term is committed yet");
  if (memberships_.back().index > status_.commit)
    return Fail(ErrorCode::kNotYet, "another change of the membership is under way");
  RAFTMQ_TRY(CheckChange(next));
  const Index index = Append(EntryKind::kConfiguration, bytes);
  memberships_.push_back({index, next});
  FollowMembership();
  return index;
}

// A leader replicates to whom the membership names.
void Raft::FollowMembership() {
  ++quiet_changes_;
  std::erase_if(followers_,
                [this](const Progress& follower) { return !IsMember(follower.replica.id()); });
  for (const Replica& replica : membership()) {
    if (replica.id() == config_.self) continue;
    if (Progress* const known = FindFollower(replica.id())) {
      known->replica = replica;
    } else {
      followers_.push_back({.replica = replica, .next = log_.last().Next()});
    }
  }
}

// The newest committed one is where a truncation ends at most.
void Raft::ForgetCommittedMemberships() {
  while (memberships_.size() > 1 && memberships_[1].index <= status_.commit)
    memberships_.erase(memberships_.begin());
}

}  // namespace raftmq
