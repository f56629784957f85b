// Linearizable reads without clocks (thesis, section 6.4): the leader notes its commit, makes sure
// with a round of heartbeats that it still leads, and only then says the index.
#include <algorithm>

#include "raftlog/core/invariants.h"
#include "raftlog/core/quorum.h"
#include "raftlog/core/raft.h"

namespace raftmq {

void Raft::ReadIndex(std::uint64_t id) {
  const RaftInvariants::Step step(*this);
  if (status_.role == RaftRole::kLeader) return StartRead(config_.self, id);
  if (status_.leader != NodeId(0)) return Send(leader_id_, ReadRequest{id});
  read_states_.push_back({.id = id, .is_confirmed = false});
}

void Raft::OnReadRequest(const RaftMessage& message, const ReadRequest& request) {
  StartRead(message.from, request.id);
}

void Raft::StartRead(ReplicaId asker, std::uint64_t id) {
  const PendingRead read{.round = round_ + 1, .asker = asker, .id = id, .index = status_.commit};
  // Until an entry of its own term is committed a leader does not know what is.
  if (!KnowsCommit()) return AnswerRead(read, false);
  reads_.push_back(read);
  if (IsSoleVoter()) MaybeConfirmReads();
}

void Raft::MaybeConfirmReads() {
  while (!reads_.empty()) {
    std::size_t votes = IsVoter(config_.self) ? 1 : 0;
    for (const Progress& follower : followers_) {
      if (follower.replica.voter && follower.round_seen >= reads_.front().round) ++votes;
    }
    if (votes < QuorumOf(VoterCount())) return;
    AnswerRead(reads_.front(), true);
    reads_.pop_front();
  }
}

void Raft::AnswerRead(const PendingRead& read, bool is_confirmed) {
  if (read.asker == config_.self) {
    read_states_.push_back({read.id, is_confirmed, read.index});
  } else {
    Send(read.asker, ReadReply{read.id, is_confirmed, read.index});
  }
}

void Raft::OnReadReply(const ReadReply& reply) {
  read_states_.push_back({reply.id, reply.is_confirmed, reply.index});
}

void Raft::FailReads() {
  for (const PendingRead& read : reads_) {
    if (read.asker == config_.self) read_states_.push_back({.id = read.id, .is_confirmed = false});
  }
  reads_.clear();
}

}  // namespace raftmq
