// What the replicas of one group say to each other, without the entries' bytes: those travel beside
// an AppendRequest and are none of the core's business.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "protocol/types/ids.h"
#include "protocol/types/membership.h"
#include "raftlog/core/term_runs.h"

namespace raftmq {

// Raft paper, sections 5.2 and 5.4; pre-votes: Ongaro's thesis, section 9.6.
struct VoteRequest {
  bool is_pre_vote = false;  // Would you vote for me? The message's term is then the one to come.
  bool is_transfer = false;  // The leader itself asked for this election: no stickiness.
  Index last;
  Term last_term;
  bool operator==(const VoteRequest&) const = default;
};
// A granted pre-vote bears the asked term, a rejected one the rejecter's own.
struct VoteReply {
  bool is_pre_vote = false;
  bool is_granted = false;
  bool operator==(const VoteReply&) const = default;
};

// A configuration entry: the membership counts from it on.
struct MembershipAt {
  Index index;
  Membership membership;
  bool operator==(const MembershipAt&) const = default;
};

// Entries (previous, last], or none: then it is a heartbeat, a probe, or news of the commit.
struct AppendRequest {
  Index previous;
  Term previous_term;
  Index commit;             // Of the leader; may be above `last`.
  std::uint64_t round = 0;  // Of leadership checks (ReadIndex); comes back.
  // The leader's last message for now: if the follower has all of its log, committed, it waits for
  // no more heartbeats while the leader's shard vouches for it (raftlog/heartbeats.h).
  bool goes_quiet = false;

  // What the entries themselves say: the receiver's owner reads it from their headers, so that it
  // cannot differ from them.
  Index last;
  std::vector<TermRun> runs;              // The first begins at previous + 1.
  std::vector<MembershipAt> memberships;  // Of the configuration entries.

  // Rules: (1) last >= previous; (2) there are runs exactly if there are entries, in rising order
  // of index and term from previous + 1 to `last` at most, none below previous_term or above
  // `term`; (3) memberships are in rising order of index, within the entries, and have 1 to
  // kMembershipReplicasMax replicas.
  bool IsValid(Term term) const;
  bool operator==(const AppendRequest&) const = default;
};
struct AppendReply {
  Index matched;  // The log agrees with the leader's up to here.
  Index durable;  // <= matched: and holds it synced up to here.
  std::uint64_t round = 0;
  // <= matched: synced up to here, readable or not. Beyond `durable` only where entries are
  // damaged: it says how much is under way, and counts for nothing else. 0 of who does not say.
  Index synced;
  bool operator==(const AppendReply&) const = default;
};
// The log has no entry `previous` of that term.
struct AppendRejection {
  Index previous;  // As asked.
  Index hint;      // No agreement can lie above it ...
  Term hint_term;  // ... and this is the follower's term there.
  std::uint64_t round = 0;
  // Damage has taken what was acked above the hint: it has to be sent again.
  bool is_lost = false;
  bool operator==(const AppendRejection&) const = default;
};
// The leader has no entries that far back any more: drop the whole log and begin behind `before`
// with the checkpoint that opens the leader's log, which is committed whole. Answered by an
// AppendReply.
struct ResetRequest {
  Index before;
  Term before_term;
  std::uint64_t round = 0;

  // What the checkpoint's first part says: the receiver's owner reads it from there.
  Index checkpoint_last;  // Its last part.
  Membership membership;  // Which counts behind `before`.

  // Rules: checkpoint_last > before, the membership has 1 to kMembershipReplicasMax replicas,
  // before_term <= term.
  bool IsValid(Term term) const;
  bool operator==(const ResetRequest&) const = default;
};

// Leadership is handed to you: campaign at once (thesis, section 3.10).
struct TransferNow {
  bool operator==(const TransferNow&) const = default;
};

// What is the lowest index that a linearizable read must have seen? (thesis, section 6.4)
struct ReadRequest {
  std::uint64_t id = 0;  // Of the asker.
  bool operator==(const ReadRequest&) const = default;
};
struct ReadReply {
  std::uint64_t id = 0;
  bool is_confirmed = false;  // False: ask again, or another.
  Index index;
  bool operator==(const ReadReply&) const = default;
};

using RaftBody = std::variant<VoteRequest, VoteReply, AppendRequest, AppendReply, AppendRejection,
                              ResetRequest, TransferNow, ReadRequest, ReadReply>;

struct RaftMessage {
  ReplicaId from;
  ReplicaId to;
  Term term;
  RaftBody body;
  bool operator==(const RaftMessage&) const = default;
};

}  // namespace raftmq
