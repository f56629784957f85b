// Every replica computes a checkpoint itself before it takes the leader's: one whose state differs
// stops, and the others go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::uint64_t kGroupSeed = 7;

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

// The same entry, but for one thing that its checkpoint says, whole by all hashes.
SharedBytes WithAnotherLogStart(const SharedBytes& frame) {
  const BatchHeader header = *ParseBatchHeader(frame.view());
  const ByteSpan payload =
      frame.view().subspan(kBatchHeaderBytes, header.producer.length - kBatchHeaderBytes);
  Checkpoint checkpoint = *DecodeCheckpoint({payload});
  checkpoint.log_start = checkpoint.log_start.Next();
  ByteBuffer forged =
      MakeControlEntry(EntryKind::kCheckpoint, EncodeCheckpoint(checkpoint).front().span());
  StampBatch(forged.span(), header.leader, kGroupSeed);
  return SharedBytes(std::move(forged));
}

// Makes of the next checkpoint that is under way to node `to` another one; false if there is none.
bool ForgeCheckpoint(GroupCluster* cluster, std::uint32_t to) {
  for (PeerMessage& message : cluster->mail()) {
    if (message.to().node != NodeId(to)) continue;
    for (std::size_t i = 0; i < message.frames.size(); ++i) {
      const BatchHeader header = *ParseBatchHeader(message.frames[i].view());
      if (header.producer.kind != EntryKind::kCheckpoint) continue;
      message.frames[i] = WithAnotherLogStart(message.frames[i]);
      message.frames.resize(i + 1);  // What follows bears another chain.
      return true;
    }
  }
  return false;
}

// Writes until node 3 gets a checkpoint that is not its own.
void Diverge(GroupCluster* cluster) {
  for (int i = 0; i < 100; ++i) {
    cluster->node(1).Send(AnyGroupWorld::Batch({Long(i)}));
    cluster->group(1).TurnEnd();
    cluster->RunDisk(1);
    if (ForgeCheckpoint(cluster, 3)) break;
    cluster->Settle();
  }
  cluster->Settle();
}

TEST(GroupCompare, AReplicaWhoseCheckpointDiffersStopsAndSaysSo) {
  GroupCluster cluster;
  cluster.Elect(1);
  Diverge(&cluster);
  Group& stopped = cluster.group(3);
  ASSERT_NE(stopped.failure(), nullptr);
  EXPECT_EQ(stopped.failure()->code, ErrorCode::kStateDiverged);
  EXPECT_THAT(stopped.failure()->message, HasSubstr("node 3 computes another checkpoint"));
  EXPECT_TRUE(stopped.status().has_stopped);
  EXPECT_EQ(stopped.status().leader, NodeId(0));
  EXPECT_EQ(cluster.node(3).metrics.diverged.value(), 1u);
  EXPECT_EQ(cluster.group(1).failure(), nullptr);
}

TEST(GroupCompare, AStoppedReplicaTakesAcksVotesForAndServesNothing) {
  GroupCluster cluster;
  cluster.Elect(1);
  Diverge(&cluster);
  ASSERT_NE(cluster.group(3).failure(), nullptr);
  EXPECT_EQ(cluster.node(3).Fetch(0).error().code, ErrorCode::kStateDiverged);
  EXPECT_EQ(cluster.node(3).CheckPosition(1, 1).error().code, ErrorCode::kStateDiverged);
  EXPECT_EQ(cluster.node(3).Find(0).error().code, ErrorCode::kStateDiverged);
  EXPECT_EQ(cluster.Produce(3, "?").error().code, ErrorCode::kNotLeader);
  const Index last = cluster.group(3).status().last;
  ASSERT_TRUE(cluster.Produce(1, "more").has_value());
  EXPECT_EQ(cluster.group(3).status().last, last);
  // Without it there is no majority.
  cluster.PowerCut(1);
  cluster.mail().clear();
  cluster.Tick(2, 1100);
  cluster.Tick(3, 1100);
  cluster.Settle();
  EXPECT_FALSE(cluster.group(2).status().is_leader);
  EXPECT_EQ(cluster.group(3).status().leader, NodeId(0));
}

TEST(GroupCompare, WhoWaitsAtAStoppedReplicaIsTold) {
  GroupCluster cluster;
  cluster.Elect(1);
  int woken_in_vain = 0;
  cluster.group(3).SetOnCommit([&] {
    if (cluster.group(3).failure() != nullptr) ++woken_in_vain;
  });
  Diverge(&cluster);
  EXPECT_EQ(woken_in_vain, 1);
}

TEST(GroupCompare, AStoppedReplicaIsDrainedAndStartsAgainFromItsLog) {
  GroupCluster cluster;
  cluster.Elect(1);
  Diverge(&cluster);
  bool drained = false;
  cluster.group(3).Drain([&] { drained = true; });
  cluster.Settle();
  EXPECT_TRUE(drained);
  cluster.node(3).Crash();
  cluster.Start(3);
  for (int i = 0; i < 10; ++i) cluster.Heartbeat(1);
  EXPECT_EQ(cluster.group(3).failure(), nullptr);
  EXPECT_EQ(cluster.node(3).metrics.diverged.value(), 0u);
  EXPECT_EQ(cluster.node(3).Segments(), cluster.node(1).Segments());
}

// An internal topic's state machine: the number of its commands. That of node 3 may be another one.
class CountingCluster : public GroupCluster {
 public:
  CountingCluster() : GroupCluster({.segment_bytes = 1, .internal = true}) {
    for (std::uint32_t id = 1; id <= 3; ++id) {
      group(id).SetCapture([this, id] {
        ByteBuffer state(sizeof(std::uint64_t));
        StoreLittleEndian(state.data(), counts[id] + (id == 3 ? error : 0));
        return state;
      });
      group(id).SetRestore([](ByteSpan) {});
      group(id).SetApply([this, id](Index, ByteSpan) { ++counts[id]; });
    }
  }
  // Until a checkpoint is everywhere.
  void Roll() {
    const std::string command(15'000, 'x');
    const std::uint64_t rolls = node(1).metrics.rolls.value();
    for (int i = 0; i < 2'000 && node(1).metrics.rolls.value() == rolls; ++i) {
      node(1).Send(MakeControlEntry(EntryKind::kCommand, AsBytes(command)));
      Heartbeat(1);
    }
    for (int i = 0; i < 10; ++i) Heartbeat(1);
  }

  std::map<std::uint32_t, std::uint64_t> counts;
  std::uint64_t error = 0;
};

TEST(GroupCompare, EqualStateMachinesGoOn) {
  CountingCluster cluster;
  cluster.Elect(1);
  for (int i = 0; i < 3; ++i) cluster.Roll();
  ASSERT_EQ(cluster.node(1).metrics.rolls.value(), 3u);
  for (std::uint32_t id = 1; id <= 3; ++id) EXPECT_EQ(cluster.group(id).failure(), nullptr);
  EXPECT_EQ(cluster.counts[3], cluster.counts[1]);
}

TEST(GroupCompare, AStateMachineThatDiffersStopsAndNothingBehindIsApplied) {
  CountingCluster cluster;
  cluster.Elect(1);
  cluster.Roll();
  cluster.error = 1;
  cluster.Roll();
  ASSERT_EQ(cluster.node(1).metrics.rolls.value(), 2u);
  ASSERT_NE(cluster.group(3).failure(), nullptr);
  EXPECT_EQ(cluster.group(2).failure(), nullptr);
  const std::uint64_t applied = cluster.counts[3];
  EXPECT_LT(applied, cluster.counts[1]);
  cluster.Heartbeat(1);
  EXPECT_EQ(cluster.counts[3], applied);
  EXPECT_GT(cluster.counts[2], applied);
}

Result<Proposed> ProduceNumbered(GroupCluster* cluster, std::uint32_t leader,
                                 std::uint32_t sequence) {
  const auto answer = cluster->node(leader).Send(AnyGroupWorld::Numbered(sequence, "x"));
  cluster->Settle();
  if (!answer->has_value()) return Fail(ErrorCode::kTimeout, "no answer");
  return std::move(**answer);
}

// A follower that retention has passed: reset, then leader, and it knows sessions and log start as
// the log tells them, however that began here.
TEST(GroupCompare, AResetReplicaKnowsTheSessionsAndComputesTheSameCheckpoints) {
  GroupCluster cluster({.segment_bytes = 1});
  cluster.Elect(1);
  cluster.Isolate(3);
  for (std::uint32_t i = 0; i < 3; ++i) ASSERT_TRUE(ProduceNumbered(&cluster, 1, i).has_value());
  for (int i = 0; i < 40; ++i) {
    static_cast<void>(cluster.Produce(1, Long(i)));
    cluster.Heartbeat(1);
  }
  cluster.group(1).Trim(Offset(36), [](const Result<Offset>&) {});
  cluster.Settle();
  static_cast<void>(cluster.Produce(1, Long(40)));
  for (int i = 0; i < 5; ++i) cluster.Heartbeat(1);
  cluster.Heal();
  for (int i = 0; i < 30; ++i) {
    static_cast<void>(cluster.Produce(1, Long(i)));
    cluster.Heartbeat(1);
  }
  for (int i = 0; i < 30; ++i) cluster.Heartbeat(1);
  EXPECT_EQ(cluster.node(3).metrics.resets.value(), 1u);
  ASSERT_EQ(cluster.group(3).failure(), nullptr) << cluster.group(3).failure()->ToString();
  EXPECT_EQ(cluster.node(3).Segments(), cluster.node(1).Segments());
  cluster.Elect(3);
  EXPECT_TRUE(ProduceNumbered(&cluster, 3, 1)->is_duplicate);
  EXPECT_EQ(ProduceNumbered(&cluster, 3, 1)->base_offset, Offset(1));
  EXPECT_FALSE(ProduceNumbered(&cluster, 3, 3)->is_duplicate);
  for (int i = 0; i < 20; ++i) {
    static_cast<void>(cluster.Produce(3, Long(i)));
    cluster.Heartbeat(3);
  }
  for (std::uint32_t id = 1; id <= 3; ++id) EXPECT_EQ(cluster.group(id).failure(), nullptr);
}

TEST(GroupCompare, ASegmentHasRoomForSixteenOfItsCheckpoints) {
  GroupCluster cluster({.segment_bytes = 1});
  cluster.Elect(1);
  for (std::uint64_t id = 1; id <= 1'000; ++id)
    cluster.node(1).Send(AnyGroupWorld::SessionBatch({.session = SessionId(id)}, {"x"}));
  cluster.Settle();
  for (int i = 0; i < 60; ++i) {
    static_cast<void>(cluster.Produce(1, Long(i)));
    cluster.Heartbeat(1);
  }
  const auto segments = cluster.node(1).Segments();
  ASSERT_GT(segments.size(), 2u);
  constexpr std::size_t kCheckpointBytes = 1'000 * 45;  // About.
  EXPECT_GT(std::prev(segments.end())->second.size(), 16 * kCheckpointBytes);
  EXPECT_EQ(segments, cluster.node(3).Segments());
}

}  // namespace
}  // namespace raftmq
