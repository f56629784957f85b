// A follower below the leader's log start: it is reset and catches up without help, whatever
// happens to it on the way.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::SizeIs;

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

// Node 3 is cut off while the others write 40 batches and drop all but the last few.
class GroupReset : public testing::Test {
 protected:
  explicit GroupReset(const GroupClusterOptions& options = {.segment_bytes = 1})
      : cluster(options) {
    cluster.Elect(1);
    EXPECT_TRUE(cluster.Produce(1, "early").has_value());
    cluster.Isolate(3);
    WriteOnAndTrim(1, 30);
    EXPECT_GT(FirstOf(1), 1u);
  }

  // 39 batches, of which those before `log_start` go, files and all.
  void WriteOnAndTrim(std::uint32_t leader, std::uint64_t log_start) {
    for (int i = 1; i < 40; ++i) {
      static_cast<void>(cluster.Produce(leader, Long(i)));
      cluster.Heartbeat(leader);
    }
    cluster.group(leader).Trim(Offset(log_start),
                               [](Result<Offset> start) { EXPECT_TRUE(start.has_value()); });
    cluster.Settle();
    // The entry that says that the front is committed, and the files go.
    static_cast<void>(cluster.Produce(leader, Long(40)));
    for (int i = 0; i < 5; ++i) cluster.Heartbeat(leader);
  }
  // Node 3 has taken the reset, and nothing of it is on its disk.
  void ResetWithAHangingDisk() {
    cluster.Heal();
    cluster.node(3).disk_hangs = true;
    const auto& resets = cluster.node(3).metrics.resets;
    for (int i = 0; i < 20 && resets.value() == 0; ++i) cluster.Heartbeat(1);
    ASSERT_EQ(resets.value(), 1u);
  }
  // The number in the name of the oldest segment's file.
  std::uint64_t FirstOf(std::uint32_t id) {
    return std::stoull(cluster.node(id).Segments().begin()->first);
  }
  void CatchUp() {
    cluster.Heal();
    for (int i = 0; i < 30; ++i) cluster.Heartbeat(1);
  }
  // Step by step, until `is_over`, at most `heartbeats` of them from each leader there is; it is
  // asked before each round of the disks.
  void Rounds(int heartbeats, const std::function<bool()>& is_over) {
    for (int i = 0; i < heartbeats * 20; ++i) {
      for (const std::uint32_t id : {1, 2, 3}) {
        if (i % 20 == 0 && cluster.group(id).status().is_leader)
          cluster.Tick(id, GroupCluster::kHeartbeatTicks);
        cluster.group(id).TurnEnd();
        cluster.node(id).work().RunAll();
      }
      if (is_over()) return;
      for (const std::uint32_t id : {1, 2, 3}) cluster.RunDisk(id);
      cluster.DeliverAll();
    }
  }
  // As a checkpoint would say it.
  std::string StateOf(std::uint32_t id) {
    return std::string(AsText(EncodeCheckpoint(*cluster.group(id).StateOfLog()).front().span()));
  }
  void ExpectSame(std::uint32_t id) {
    EXPECT_EQ(cluster.node(id).Segments(), cluster.node(1).Segments());
    EXPECT_THAT(cluster.node(id).ReadFrom(30), SizeIs(11));
    EXPECT_EQ(cluster.group(id).status().log_start, Offset(30));
  }

  GroupCluster cluster;
};

TEST_F(GroupReset, AFollowerBelowTheLogStartComesBackAndLeads) {
  CatchUp();
  EXPECT_EQ(cluster.node(3).metrics.resets.value(), 1u);
  ExpectSame(3);
  EXPECT_EQ(cluster.node(3).Fetch(29).error().code, ErrorCode::kOffsetBelowStart);
  cluster.Elect(3);
  EXPECT_EQ(cluster.Produce(3, "next")->base_offset, Offset(41));
}

TEST_F(GroupReset, DoubledMessagesResetOnce) {
  cluster.doubles_messages = true;
  CatchUp();
  EXPECT_EQ(cluster.node(3).metrics.resets.value(), 1u);
  ExpectSame(3);
}

TEST_F(GroupReset, WhatTheLogHoldsIsThereAfterARestart) {
  CatchUp();
  for (const bool power_goes : {true, false}) {
    if (power_goes)
      cluster.PowerCut(3);
    else
      cluster.node(3).Crash();
    cluster.Start(3);
    EXPECT_EQ(cluster.group(3).status().log_start, Offset(30));
    cluster.Heartbeat(1);
    ExpectSame(3);
  }
}

// I-23: equal logs say the same, however they came to be.
TEST_F(GroupReset, WhatItsLogSaysIsTheSameAfterwardsAndAfterARestart) {
  const auto opened = cluster.node(1).SendOpening(9, 2);
  cluster.Settle();
  ASSERT_TRUE(opened->has_value() && (*opened)->has_value());
  WriteOnAndTrim(1, 70);
  CatchUp();
  ASSERT_EQ(cluster.node(3).metrics.resets.value(), 1u);
  EXPECT_GT(cluster.group(3).StateOfLog()->sessions.size(), 0u);
  EXPECT_EQ(StateOf(3), StateOf(1));
  cluster.PowerCut(3);
  cluster.Start(3);
  EXPECT_EQ(StateOf(3), StateOf(1));
}

class GroupResetCut : public GroupReset, public testing::WithParamInterface<int> {};

// So many rounds of its disk after the reset has come.
TEST_P(GroupResetCut, APowerCutOnTheWayIsMadeGood) {
  ResetWithAHangingDisk();
  for (int i = 0; i < GetParam(); ++i) {
    if (!cluster.node(3).disk().idle()) cluster.node(3).disk().RunRound();
    cluster.Heartbeat(1);
  }
  cluster.PowerCut(3);
  cluster.Start(3);
  cluster.node(3).disk_hangs = false;
  CatchUp();
  ExpectSame(3);
}

INSTANTIATE_TEST_SUITE_P(Rounds, GroupResetCut, testing::Range(0, 14));

// Its log is empty: it has nothing to lead with and nothing to serve.
TEST_F(GroupReset, UntilTheCheckpointIsSyncedItNeitherServesNorCampaigns) {
  cluster.Heal();
  cluster.Tick(1, GroupCluster::kHeartbeatTicks);
  while (cluster.node(3).metrics.resets.value() == 0) {
    cluster.DeliverAll();
    for (const std::uint32_t id : {1, 2, 3}) {
      cluster.group(id).TurnEnd();
      cluster.node(id).work().RunAll();
      cluster.RunDisk(id);
    }
  }
  EXPECT_FALSE(cluster.group(3).StateOfLog().has_value());
  cluster.Isolate(1);
  EXPECT_EQ(cluster.node(3).Fetch(0).error().code, ErrorCode::kNotYet);
  EXPECT_EQ(cluster.node(3).Fetch(35).error().code, ErrorCode::kNotYet);
  cluster.mail().clear();
  cluster.Tick(3, 2000);
  EXPECT_THAT(cluster.mail(), SizeIs(0));
  cluster.PowerCut(3);
  cluster.Start(3);
  EXPECT_EQ(cluster.node(3).Fetch(35).error().code, ErrorCode::kNotYet);
  cluster.Tick(3, 2000);
  EXPECT_THAT(cluster.mail(), SizeIs(0));
  // But it votes.
  cluster.Elect(2);
  for (int i = 0; i < 30; ++i) cluster.Heartbeat(2);
  EXPECT_THAT(cluster.node(3).ReadFrom(30), SizeIs(11));
}

TEST_F(GroupReset, APartThatDoesNotCheckIsRefused) {
  cluster.Heal();
  cluster.Tick(1, GroupCluster::kHeartbeatTicks);
  bool was_damaged = false;
  for (int i = 0; i < 20 && !was_damaged; ++i) {
    for (PeerMessage& message : cluster.mail()) {
      const auto* const raft = std::get_if<RaftMessage>(&message.body);
      if (raft == nullptr || !std::holds_alternative<ResetRequest>(raft->body)) continue;
      ByteBuffer bytes(message.frames[0].size());
      std::ranges::copy(message.frames[0].view(), bytes.data());
      bytes.data()[kBatchHeaderBytes + 40] ^= std::byte{1};
      message.frames[0] = SharedBytes(std::move(bytes));
      was_damaged = true;
    }
    cluster.DeliverAll();
    for (const std::uint32_t id : {1, 2, 3}) {
      cluster.group(id).TurnEnd();
      cluster.node(id).work().RunAll();
      cluster.RunDisk(id);
    }
  }
  ASSERT_TRUE(was_damaged);
  EXPECT_EQ(cluster.node(3).metrics.resets.value(), 0u);
  EXPECT_EQ(cluster.node(3).metrics.resets_refused.value(), 1u);
  CatchUp();
  ExpectSame(3);
}

// What is answered to the reset leaves before the reset is on the disk: the old log may come back.
TEST_F(GroupReset, APowerCutBeforeItIsDurableBringsAnotherHistoryBack) {
  cluster.Heal();
  for (int i = 0; i < 30; ++i) cluster.Heartbeat(1);
  cluster.Isolate(1);
  for (int i = 0; i < 300; ++i) cluster.node(1).Send(AnyGroupWorld::Batch({"never"}));
  cluster.Settle();
  cluster.Elect(2);
  WriteOnAndTrim(2, 70);
  ASSERT_GT(cluster.group(1).status().last.value(), FirstOf(2));
  // Node 1 learns of the term, and has that on its disk, before the reset comes.
  cluster.Heal();
  cluster.Tick(1, 1100);
  cluster.Settle();
  Rounds(1, [this] { return cluster.node(1).metrics.resets.value() > 0; });
  ASSERT_EQ(cluster.node(1).metrics.resets.value(), 1u);
  cluster.DeliverAll();
  cluster.PowerCut(1);
  cluster.Start(1);
  for (int i = 0; i < 30; ++i) cluster.Heartbeat(2);
  EXPECT_EQ(cluster.node(1).Segments(), cluster.node(2).Segments());
}

TEST_F(GroupReset, WhileItIsUnderWayProducersAreSentToTheLeader) {
  ResetWithAHangingDisk();
  const auto answer = cluster.node(3).Send(AnyGroupWorld::Batch({"x"}));
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((**answer).error().code, ErrorCode::kNotLeader);
}

TEST_F(GroupReset, WhatIsNoCheckpointBehindABaseIsRefused) {
  ResetWithAHangingDisk();
  const std::string front = cluster.node(1).Segments().begin()->second;
  const auto real = ParseBatchHeader(AsBytes(front).first(kBatchHeaderBytes));
  ASSERT_TRUE(real.has_value());
  const Index before = real->leader.index.Minus(1);
  ByteBuffer frame = MakeControlEntry(EntryKind::kNoOp, {});
  StampBatch(frame.span(), real->leader, /*group_seed=*/7);
  const AppendRequest append{.previous = before, .previous_term = real->leader.term};
  const std::uint64_t refused = cluster.node(3).metrics.appends_refused.value();
  cluster.group(3).Receive({.group = cluster.node(3).options.log.group,
                            .body = RaftMessage{.from = {NodeId(1), ReplicaNumber(1)},
                                                .to = {NodeId(3), ReplicaNumber(3)},
                                                .term = cluster.group(1).status().term,
                                                .body = append},
                            .frames = {SharedBytes(std::move(frame))}});
  EXPECT_EQ(cluster.node(3).metrics.appends_refused.value(), refused + 1);
  cluster.node(3).disk_hangs = false;
  CatchUp();
  ExpectSame(3);
}

// Another leader's entries stand at its end: they go with the rest.
TEST_F(GroupReset, WhatWasNeverCommittedGoesToo) {
  cluster.Elect(1);
  cluster.Isolate(1);
  for (int i = 0; i < 3; ++i) cluster.node(1).Send(AnyGroupWorld::Batch({"never"}));
  cluster.Settle();
  cluster.Heal();
  cluster.Isolate(1);
  cluster.Elect(2);
  WriteOnAndTrim(2, 70);
  cluster.Heal();
  for (int i = 0; i < 30; ++i) cluster.Heartbeat(2);
  EXPECT_EQ(cluster.node(1).metrics.resets.value(), 1u);
  EXPECT_EQ(cluster.node(1).Segments(), cluster.node(2).Segments());
}

// What each replica's state machine has been told, as one number of bytes and one hash.
struct Machine {
  std::string state;
  int restores = 0;
};

void Attach(GroupCluster* cluster, std::uint32_t id, Machine* machine) {
  Group& group = cluster->group(id);
  group.SetCapture([machine] {
    ByteBuffer bytes(machine->state.size());
    std::ranges::copy(AsBytes(machine->state), bytes.data());
    return bytes;
  });
  group.SetRestore([machine](ByteSpan state) {
    machine->state = AsText(state);
    ++machine->restores;
  });
  group.SetApply([machine](Index, ByteSpan payload) {
    machine->state += AsText(payload.first(std::min<std::size_t>(payload.size(), 4)));
  });
}

TEST(GroupResetInternal, AStateMachineGoesOnFromTheCheckpointItGot) {
  GroupCluster cluster({.internal = true});
  std::map<std::uint32_t, Machine> machines;
  for (const std::uint32_t id : {1, 2, 3}) Attach(&cluster, id, &machines[id]);
  cluster.Elect(1);
  const auto say = [&cluster](std::uint32_t leader, const std::string& word) {
    const auto answer =
        cluster.node(leader).Send(MakeControlEntry(EntryKind::kCommand, AsBytes(word)));
    cluster.Settle();
    return answer->has_value() && (*answer)->has_value();
  };
  ASSERT_TRUE(say(1, "one."));
  cluster.Isolate(3);
  for (int i = 0; cluster.group(1).status().segments < 2 && i < 2000; ++i) {
    say(1, fmt::format("{:04}{}", i, std::string(14'000, '.')));
    if (i % 50 == 0) cluster.Heartbeat(1);
  }
  for (int i = 0; i < 5; ++i) say(1, "more");
  for (int i = 0; i < 5; ++i) cluster.Heartbeat(1);
  ASSERT_EQ(cluster.group(1).status().segments, 1u);
  cluster.Heal();
  for (int i = 0; i < 10; ++i) cluster.Heartbeat(1);
  EXPECT_EQ(cluster.node(3).metrics.resets.value(), 1u);
  EXPECT_EQ(machines[3].restores, 2);
  EXPECT_EQ(machines[3].state, machines[1].state);
  EXPECT_EQ(cluster.group(3).status().applied, cluster.group(1).status().applied);
  cluster.Elect(3);
  EXPECT_TRUE(say(3, "end."));
  cluster.Heartbeat(3);
  EXPECT_EQ(machines[1].state, machines[3].state);

  cluster.PowerCut(3);
  machines[3] = {};
  cluster.Start(3);
  Attach(&cluster, 3, &machines[3]);
  cluster.Elect(1);
  EXPECT_EQ(machines[3].state, machines[1].state);
}

// The question was confirmed before the reset, the answer needs the state that comes with it.
TEST(GroupResetInternal, AReadThatWasConfirmedBeforeWaitsForTheState) {
  GroupCluster cluster({.internal = true});
  std::map<std::uint32_t, Machine> machines;
  for (const std::uint32_t id : {1, 2, 3}) Attach(&cluster, id, &machines[id]);
  cluster.Elect(1);
  const auto say = [&cluster](const std::string& word) {
    static_cast<void>(cluster.node(1).Send(MakeControlEntry(EntryKind::kCommand, AsBytes(word))));
    cluster.Settle();
  };
  say("one.");
  cluster.Heartbeat(1);
  cluster.Isolate(3);
  say("two.");
  cluster.Heal();
  std::optional<std::string> at_answer;
  cluster.group(3).ReadIndex([&](Result<Offset>) { at_answer = machines[3].state; });
  for (int round = 0; round < 20; ++round) {
    for (const std::uint32_t id : {1, 2, 3}) {
      cluster.group(id).TurnEnd();
      cluster.RunDisk(id);
    }
    std::erase_if(cluster.mail(), [](const PeerMessage& message) {
      const auto* const raft = std::get_if<RaftMessage>(&message.body);
      return message.to().node == NodeId(3) && raft != nullptr &&
             std::holds_alternative<AppendRequest>(raft->body);
    });
    cluster.DeliverAll();
  }
  EXPECT_FALSE(at_answer.has_value());
  cluster.Isolate(3);
  for (int i = 0; cluster.group(1).status().segments < 2 && i < 2000; ++i) {
    say(fmt::format("{:04}{}", i, std::string(14'000, '.')));
    if (i % 50 == 0) cluster.Heartbeat(1);
  }
  for (int i = 0; i < 5; ++i) say("more");
  for (int i = 0; i < 5; ++i) cluster.Heartbeat(1);
  cluster.Heal();
  for (int i = 0; i < 10; ++i) cluster.Heartbeat(1);
  EXPECT_EQ(cluster.node(3).metrics.resets.value(), 1u);
  ASSERT_TRUE(at_answer.has_value());
  EXPECT_THAT(*at_answer, testing::StartsWith("one.two."));
}

TEST_F(GroupReset, ANewLearnerBelowTheStartIsReset) {
  Membership members{{NodeId(1), ReplicaNumber(1), true}, {NodeId(2), ReplicaNumber(2), true}};
  const auto change = [this](const Membership& next) {
    Result<Proposed> outcome = Fail(ErrorCode::kTimeout, "no answer");
    cluster.group(1).ChangeMembership(next, [&](Result<Proposed> done) { outcome = done; });
    cluster.Settle();
    return outcome;
  };
  ASSERT_TRUE(change(members).has_value());
  cluster.Replace(3, ReplicaNumber(9));
  members.push_back({NodeId(3), ReplicaNumber(9), false});
  ASSERT_TRUE(change(members).has_value());
  CatchUp();
  EXPECT_EQ(cluster.node(3).metrics.resets.value(), 1u);
  members.back().voter = true;
  ASSERT_TRUE(change(members).has_value());
  EXPECT_EQ(cluster.node(3).Segments(), cluster.node(1).Segments());
}

}  // namespace
}  // namespace raftmq
