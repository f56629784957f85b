// Known bug 13 (RELIABILITY.md section 1.2) at the core: a node that came back with another replica
// number is not the member it was. The other rows of the core are scenarios,
// raftlog/testdata/bug_*.txt; those above it are in tests/raftlog/known_bugs_test.cc.
#include <gtest/gtest.h>

#include "raftlog/core/raft.h"

namespace raftmq {
namespace {

constexpr ReplicaId kSelf{NodeId(1), ReplicaNumber(1)};
constexpr ReplicaId kMember{NodeId(2), ReplicaNumber(2)};
constexpr ReplicaId kStranger{NodeId(2), ReplicaNumber(9)};  // The same node, without its disk.

// Node 1 of two.
class Machine {
 public:
  Machine()
      : raft({.self = kSelf},
             {.hard_state = {},
              .runs = {{Index(1), Term(0)}},
              .last = Index(1),
              .commit = Index(1),
              .memberships = {
                  {Index(0), {{kSelf.node, kSelf.number}, {kMember.node, kMember.number}}}}}) {}

  void Sync() {
    Output output;
    raft.TakeOutput(&output);
    raft.Persisted(output.mark);
  }
  void Hear(ReplicaId from, RaftBody body) {
    raft.Step({.from = from, .to = kSelf, .term = Term(1), .body = std::move(body)});
    Sync();
  }
  void Campaign(ReplicaId voter) {
    while (raft.status().role == RaftRole::kFollower) raft.Tick();
    Hear(voter, VoteReply{.is_pre_vote = true, .is_granted = true});
  }

  Raft raft;
};

TEST(KnownRaftBugs, Row13APreVoteOfAnotherNumberDoesNotCount) {
  Machine machine;
  machine.Campaign(kStranger);
  EXPECT_EQ(machine.raft.status().role, RaftRole::kPreCandidate);
}

TEST(KnownRaftBugs, Row13AVoteOfAnotherNumberDoesNotCount) {
  Machine machine;
  machine.Campaign(kMember);
  ASSERT_EQ(machine.raft.status().role, RaftRole::kCandidate);
  machine.Hear(kStranger, VoteReply{.is_granted = true});
  EXPECT_EQ(machine.raft.status().role, RaftRole::kCandidate);
  machine.Hear(kMember, VoteReply{.is_granted = true});
  EXPECT_EQ(machine.raft.status().role, RaftRole::kLeader);
}

TEST(KnownRaftBugs, Row13AnAckOfAnotherNumberDoesNotCount) {
  Machine machine;
  machine.Campaign(kMember);
  machine.Hear(kMember, VoteReply{.is_granted = true});
  machine.Hear(kStranger, AppendReply{.matched = Index(2), .durable = Index(2)});
  EXPECT_EQ(machine.raft.status().commit, Index(1));
  machine.Hear(kMember, AppendReply{.matched = Index(2), .durable = Index(2)});
  EXPECT_EQ(machine.raft.status().commit, Index(2));
}

TEST(KnownRaftBugs, Row13WhatIsForAnotherNumberHasNoEffect) {
  Machine machine;
  machine.raft.Step({.from = kMember,
                     .to = {kSelf.node, ReplicaNumber(9)},
                     .term = Term(5),
                     .body = VoteRequest{.last = Index(9), .last_term = Term(4)}});
  EXPECT_EQ(machine.raft.status().term, Term(0));
}

}  // namespace
}  // namespace raftmq
