// Settled groups without heartbeats (as TiKV's hibernated regions and CockroachDB's quiesced
// ranges): while nothing is to be said between a leader and a follower, their shards beat for all
// such groups at once (raftlog/heartbeats.h).
//
//   1. At a heartbeat, the leader finds that the follower has everything, committed. It marks that
//      heartbeat as the last one and counts the follower as quiet.
//   2. The follower agrees if it has all that the message names and nothing else. It stops its
//      election timer. If it does not agree, or the message was lost, their shards find that they
//      list different groups, and PeerSilent undoes both sides.
//   3. A follower that nobody has heard of for a while keeps no group awake, as long as a quorum is
//      quiet: it gets a heartbeat now and then (BeatLost), and its answer wakes the group.
//   4. Whatever the leader sends later wakes both sides; so does a new term, a broken connection,
//      and a shard that no longer vouches.
//
// Only timers hang on it: a wrong belief costs time, never an entry.
#include <algorithm>

#include "raftlog/core/invariants.h"
#include "raftlog/core/quorum.h"
#include "raftlog/core/raft.h"

namespace raftmq {

bool Raft::IsSettled(const Progress& follower) const {
  if (!config_.goes_quiet || !KnowsCommit() || status_.commit != status_.last) return false;
  if (!reads_.empty() || transfer_to_ != NodeId(0)) return false;
  if (follower.is_silent) return false;
  return !follower.is_probing && follower.durable == status_.last;
}

bool Raft::IsQuiet() const {
  if (status_.role != RaftRole::kLeader) return is_quiet_;
  if (!config_.goes_quiet || status_.commit != status_.last) return false;
  if (!reads_.empty() || transfer_to_ != NodeId(0)) return false;
  std::size_t voters = IsVoter(config_.self) ? 1 : 0;
  for (const Progress& follower : followers_) {
    if (follower.is_empty_due || !(follower.is_quiet || follower.is_lost)) return false;
    if (follower.is_quiet && follower.replica.voter) ++voters;
  }
  return voters >= QuorumOf(VoterCount());
}

void Raft::BeatLost() {
  const RaftInvariants::Step step(*this);
  if (status_.role != RaftRole::kLeader) return;
  for (Progress& follower : followers_) {
    if (follower.is_lost) SendEmpty(follower);
  }
}

void Raft::SetLost(Progress& follower, bool is_lost) {
  if (follower.is_lost == is_lost) return;
  follower.is_lost = is_lost;
  ++quiet_changes_;
}

void Raft::SetQuiet(Progress& follower, bool is_quiet) {
  follower.may_go_quiet = false;
  if (follower.is_quiet == is_quiet) return;
  // It was vouched for until now, and its answers need their time.
  if (follower.is_quiet) follower.was_heard = true;
  follower.is_quiet = is_quiet;
  ++quiet_changes_;
}

void Raft::SetQuiet(bool is_quiet) {
  if (is_quiet_ == is_quiet) return;
  is_quiet_ = is_quiet;
  ++quiet_changes_;
}

void Raft::FollowQuietly(const AppendRequest& request) {
  const bool has_all = request.last == status_.last && status_.commit == status_.last &&
                       status_.durable.last == status_.last && IsHardStateDurable();
  if (has_all) SetQuiet(true);
}

void Raft::PeerSilent(NodeId node, std::uint32_t ticks) {
  const RaftInvariants::Step step(*this);
  if (status_.role == RaftRole::kLeader) {
    Progress* const follower = FindFollower(node);
    if (follower == nullptr || !follower->is_quiet) return;
    SetQuiet(*follower, false);
    follower->was_heard = ticks < config_.election_ticks_min;
    follower->is_silent = true;
    follower->is_empty_due = true;
  } else if (is_quiet_ && status_.leader == node) {
    SetQuiet(false);
    election_elapsed_ = ticks;
  }
}

}  // namespace raftmq
