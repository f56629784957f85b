// The claims of the Raft paper that hold for one voter, and what a restart may rely on.
#include "raftlog/core/raft.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

constexpr ReplicaId kSelf{NodeId(1), ReplicaNumber(1)};

// A machine and what its owner has saved of it.
class Machine {
 public:
  explicit Machine(RestoredState state = Founded()) : raft(Config(), state), saved(state) {}

  static RaftConfig Config() { return {.self = kSelf}; }
  static RestoredState Founded() {
    return {.hard_state = {},
            .runs = {{Index(1), Term(0)}},
            .last = Index(1),
            .commit = Index(1),
            .memberships = {{Index(0), {{kSelf.node, kSelf.number}}}}};
  }

  Output Take() {
    Output output;
    raft.TakeOutput(&output);
    if (output.hard_state) saved.hard_state = *output.hard_state;
    for (const AppendedEntry& entry : output.append) {
      if (entry.term > saved.runs.back().term) saved.runs.push_back({entry.index, entry.term});
      saved.last = entry.index;
    }
    saved.commit = output.commit;
    return output;
  }
  Output TakeAndSync() {
    Output output = Take();
    raft.Persisted(output.mark);
    return output;
  }
  void Elect() {
    raft.Tick();
    TakeAndSync();
    TakeAndSync();
    ASSERT_EQ(raft.status().role, RaftRole::kLeader);
  }

  Raft raft;
  RestoredState saved;  // As a restart would find it if all was synced.
};

TEST(RaftElection, Section5_2_RaisesTheTermAndVotesForItself) {
  Machine machine;
  machine.raft.Tick();
  const Output output = machine.Take();
  ASSERT_TRUE(output.hard_state.has_value());
  EXPECT_EQ(*output.hard_state, (HardState{Term(1), kSelf.node}));
  EXPECT_EQ(machine.raft.status().role, RaftRole::kCandidate);
}

TEST(RaftElection, OwnVoteCountsOnlyOnceDurable) {
  Machine machine;
  machine.raft.Tick();
  const DurableMark before = machine.raft.status().durable;
  const Output output = machine.Take();
  machine.raft.Persisted(before);  // Some other job: not our vote.
  EXPECT_EQ(machine.raft.status().role, RaftRole::kCandidate);
  EXPECT_FALSE(machine.raft.Propose(EntryKind::kData, 10).has_value());
  machine.raft.Persisted(output.mark);
  EXPECT_EQ(machine.raft.status().role, RaftRole::kLeader);
  EXPECT_EQ(machine.raft.status().leader, kSelf.node);
}

TEST(RaftElection, TicksDoNotRaiseTheTermWhileTheVoteIsBeingWritten) {
  Machine machine;
  for (int i = 0; i < 5; ++i) machine.raft.Tick();
  EXPECT_EQ(machine.raft.status().term, Term(1));
}

TEST(RaftElection, Section8_ATermBeginsWithANoOp) {
  Machine machine;
  machine.raft.Tick();
  machine.TakeAndSync();
  const Output output = machine.Take();
  ASSERT_EQ(output.append.size(), 1u);
  EXPECT_EQ(output.append[0], (AppendedEntry{Index(2), Term(1), EntryKind::kNoOp}));
  EXPECT_EQ(output.commit, Index(1));
}

TEST(RaftElection, TermIsAtLeastTheLastEntrysAndItsVoteIsForgotten) {
  RestoredState state = Machine::Founded();
  state.hard_state = {Term(3), kSelf.node};
  state.runs.push_back({Index(2), Term(5)});
  state.last = Index(2);
  Machine machine(state);
  EXPECT_EQ(machine.raft.status().term, Term(5));
  EXPECT_EQ(machine.raft.status().vote, NodeId(0));
  machine.raft.Tick();
  EXPECT_EQ(machine.raft.status().term, Term(6));
}

TEST(RaftElection, WhoIsToLeadANewGroupAsksAgainSoonWhileNobodyAnswers) {
  RestoredState founded = Machine::Founded();
  founded.memberships = {
      {Index(0),
       {{kSelf.node, kSelf.number}, {NodeId(2), ReplicaNumber(1)}, {NodeId(3), ReplicaNumber(1)}}}};
  RaftConfig config = Machine::Config();
  config.campaigns_at_once = true;
  Raft raft(config, founded);
  const auto asked = [&raft] {
    Output output;
    raft.TakeOutput(&output);
    return !output.messages.empty();
  };
  raft.Tick();
  EXPECT_TRUE(asked());
  for (std::uint32_t tick = 1; tick < config.heartbeat_ticks; ++tick) raft.Tick();
  EXPECT_FALSE(asked());
  raft.Tick();
  EXPECT_TRUE(asked());
  EXPECT_EQ(raft.status().term, Term(0));
}

TEST(RaftReplication, FollowerRefusesProposals) {
  Machine machine;
  const Result<Index> index = machine.raft.Propose(EntryKind::kData, 10);
  ASSERT_FALSE(index.has_value());
  EXPECT_EQ(index.error().code, ErrorCode::kNotLeader);
}

TEST(RaftReplication, Section5_3_LeaderCountsItselfOnlyAfterItsOwnSync) {
  Machine machine;
  machine.Elect();
  EXPECT_EQ(machine.raft.Propose(EntryKind::kData, 100), Index(3));
  EXPECT_EQ(machine.raft.Propose(EntryKind::kData, 100), Index(4));
  EXPECT_EQ(machine.raft.status().uncommitted_bytes, 200u);
  const Output first = machine.Take();
  EXPECT_EQ(first.append.size(), 2u);
  EXPECT_EQ(machine.raft.Propose(EntryKind::kData, 50), Index(5));
  EXPECT_EQ(machine.raft.status().commit, Index(2));
  machine.raft.Persisted(first.mark);
  EXPECT_EQ(machine.raft.status().commit, Index(4));
  EXPECT_EQ(machine.raft.status().uncommitted_bytes, 50u);
  machine.TakeAndSync();
  EXPECT_EQ(machine.raft.status().commit, Index(5));
}

TEST(RaftReplication, Section5_4_2_EntriesOfEarlierTermsCommitOnlyWithTheNoOp) {
  RestoredState state = Machine::Founded();
  state.hard_state = {Term(1), kSelf.node};
  state.runs.push_back({Index(2), Term(1)});
  state.last = Index(6);  // All durable, none known to be committed.
  Machine machine(state);
  machine.raft.Tick();
  machine.TakeAndSync();
  EXPECT_EQ(machine.raft.status().role, RaftRole::kLeader);
  EXPECT_EQ(machine.raft.status().commit, Index(1));
  machine.TakeAndSync();
  EXPECT_EQ(machine.raft.status().commit, Index(7));
}

constexpr ReplicaId kLeader{NodeId(2), ReplicaNumber(1)};

// Of term 2, to a log of four entries of term 1.
RaftMessage HeartbeatBehindFour() {
  return {.from = kLeader,
          .to = kSelf,
          .term = Term(2),
          .body = AppendRequest{.previous = Index(4), .previous_term = Term(1), .last = Index(4)}};
}

TEST(RaftReplication, AnAckThatWaitsForItsTermLeavesWithoutWhatWasFoundDamagedMeanwhile) {
  RestoredState state = Machine::Founded();
  state.runs = {{Index(1), Term(0)}, {Index(2), Term(1)}};
  state.last = Index(4);
  state.memberships = {{Index(0), {{kSelf.node, kSelf.number}, {kLeader.node, kLeader.number}}}};
  Machine machine(state);
  machine.raft.Step(HeartbeatBehindFour());
  const Output waiting = machine.Take();
  ASSERT_TRUE(waiting.messages.empty());
  machine.raft.SetDamage(DamagedRuns({{Index(3), Index(3), Term(1)}}));
  machine.raft.Persisted(waiting.mark);
  const Output output = machine.Take();
  ASSERT_EQ(output.messages.size(), 1u);
  const auto& ack = std::get<AppendReply>(output.messages[0].body);
  EXPECT_EQ(ack.matched, Index(4));
  EXPECT_EQ(ack.durable, Index(2));
  EXPECT_EQ(ack.synced, Index(4));
  machine.raft.SetDamage(DamagedRuns());
  machine.raft.Step(HeartbeatBehindFour());
  const Output repaired = machine.Take();
  ASSERT_EQ(repaired.messages.size(), 1u);
  EXPECT_EQ(std::get<AppendReply>(repaired.messages[0].body).durable, Index(4));
}

TEST(DamagedRuns, ThoseThatTouchAreOne) {
  const DamagedRuns runs({{Index(7), Index(8), Term(1)},
                          {Index(3), Index(4), Term(2)},
                          {Index(6), Index(6), Term(3)},
                          {Index(1), Index(1), Term(1)}});
  const std::vector<DamagedRun> joined = {
      {Index(1), Index(1), Term(1)}, {Index(3), Index(4), Term(2)}, {Index(6), Index(8), Term(3)}};
  EXPECT_EQ(runs.all(), joined);
}

// Found by the simulator: what made another a voter was among the damaged entries.
TEST(RaftReplication, WhoDoesNotKnowTheMembersAcksNothingOverDamageThoughItSeemsToBeAlone) {
  RestoredState state = Machine::Founded();
  state.runs = {{Index(1), Term(0)}, {Index(2), Term(1)}};
  state.last = Index(4);
  state.damage = {{Index(3), Index(3), Term(1)}};
  state.knows_membership = false;
  Machine machine(state);
  machine.raft.Step(HeartbeatBehindFour());
  machine.TakeAndSync();
  const Output output = machine.Take();
  ASSERT_EQ(output.messages.size(), 1u);
  EXPECT_EQ(std::get<AppendReply>(output.messages[0].body).durable, Index(2));
}

TEST(RaftRestart, GoesOnInAHigherTermWithAllThatWasSaved) {
  Machine machine;
  machine.Elect();
  ASSERT_TRUE(machine.raft.Propose(EntryKind::kData, 10).has_value());
  machine.TakeAndSync();
  Machine again(machine.saved);
  EXPECT_EQ(again.raft.status().last, Index(3));
  again.Elect();
  EXPECT_EQ(again.raft.status().term, Term(2));
  EXPECT_EQ(again.raft.status().commit, Index(4));
  EXPECT_EQ(again.raft.TermAt(Index(3)), Term(1));
  EXPECT_EQ(again.raft.TermAt(Index(4)), Term(2));
}

TEST(RaftRestart, SameInputsGiveSameOutputs) {
  Machine one;
  Machine two;
  for (Machine* machine : {&one, &two}) machine->Elect();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(*one.raft.Propose(EntryKind::kData, 7), *two.raft.Propose(EntryKind::kData, 7));
    const Output a = one.TakeAndSync();
    const Output b = two.TakeAndSync();
    EXPECT_EQ(a.append, b.append);
    EXPECT_EQ(a.mark, b.mark);
    EXPECT_EQ(a.commit, b.commit);
  }
}

using RaftDeathTest = ::testing::Test;

TEST(RaftDeathTest, AMarkThatWasNeverPutOutIsABug) {
  Machine machine;
  EXPECT_DEATH(machine.raft.Persisted({.hard_state_number = 9, .last = Index(1)}), "");
  EXPECT_DEATH(machine.raft.Persisted({.last = Index(2)}), "");
}

}  // namespace
}  // namespace raftmq
