// Three replicas of one group, from a proposal on one to records read on another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

TEST(GroupCluster, EntriesAreReadOnEveryReplica) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "a").has_value());
  ASSERT_TRUE(cluster.Produce(1, "b").has_value());
  for (std::uint32_t id = 1; id <= 3; ++id) {
    EXPECT_THAT(cluster.node(id).ReadFrom(0), ElementsAre("a", "b")) << "node " << id;
    EXPECT_EQ(cluster.group(id).status().leader, NodeId(1));
  }
}

// Its successor's replicas have served what it lacks: it must not say that there is nothing.
TEST(GroupCluster, ALeaderThatWasDeposedDoesNotKnowTheEnd) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "a").has_value());
  cluster.Isolate(1);
  cluster.Elect(2);
  for (const char* value : {"b", "c"}) ASSERT_TRUE(cluster.Produce(2, value).has_value());
  ASSERT_TRUE(cluster.group(1).status().is_leader);
  std::optional<Result<FetchSlice>> answer;
  cluster.group(1).Fetch(Offset(3), 1,
                         [&](Result<FetchSlice> slice) { answer = std::move(slice); });
  std::optional<Result<Proposed>> appended;
  ByteBuffer batch = AnyGroupWorld::Batch({"there or nowhere"});
  const std::size_t bytes = batch.size();
  cluster.group(1).Propose(std::move(batch), 0, bytes, {.base_offset = Offset(3)},
                           [&](Result<Proposed> proposed) { appended = std::move(proposed); });
  std::optional<Result<Offset>> trimmed;
  cluster.group(1).Trim(Offset(3), [&](Result<Offset> start) { trimmed = start; });
  cluster.Settle();
  EXPECT_FALSE(answer.has_value());
  cluster.Tick(1, 2 * GroupCluster::kElectionTicksMin);
  cluster.Settle();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().code, ErrorCode::kNotYet);
  ASSERT_TRUE(trimmed.has_value());
  EXPECT_EQ(trimmed->error().code, ErrorCode::kNotYet);
  ASSERT_TRUE(appended.has_value());
  EXPECT_EQ(appended->error().code, ErrorCode::kNotLeader);
}

TEST(GroupCluster, SegmentsAreTheSameBytesAndRollAtTheSamePlaces) {
  GroupCluster cluster;
  cluster.Elect(1);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  EXPECT_GT(cluster.node(1).metrics.rolls.value(), 1u);
  const auto segments = cluster.node(1).Segments();
  EXPECT_GT(segments.size(), 2u);
  EXPECT_EQ(cluster.node(2).Segments(), segments);
  EXPECT_EQ(cluster.node(3).Segments(), segments);
}

TEST(GroupCluster, AnAckNeedsASecondReplicasDisk) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.node(2).disk_hangs = true;
  cluster.node(3).disk_hangs = true;
  const auto answer = cluster.node(1).Send(AnyGroupWorld::Batch({"a"}));
  cluster.Settle();
  EXPECT_EQ(cluster.group(3).status().last, cluster.group(1).status().last);
  EXPECT_FALSE(answer->has_value());
  cluster.node(3).disk_hangs = false;
  cluster.Settle();
  ASSERT_TRUE(answer->has_value());
  EXPECT_TRUE((*answer)->has_value());
}

TEST(GroupCluster, AFollowerServesOnlyWhatItKnowsToBeCommitted) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "a").has_value());
  cluster.node(1).disk_hangs = true;
  cluster.node(2).disk_hangs = true;
  cluster.node(1).Send(AnyGroupWorld::Batch({"b"}));
  cluster.Settle();
  EXPECT_EQ(cluster.group(3).status().last, cluster.group(1).status().last);
  EXPECT_THAT(cluster.node(3).ReadFrom(0), ElementsAre("a"));
  EXPECT_EQ(cluster.node(3).Fetch(2).error().code, ErrorCode::kNotYet);
}

TEST(GroupCluster, DoubledMessagesChangeNothing) {
  GroupCluster cluster;
  cluster.doubles_messages = true;
  cluster.Elect(1);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  EXPECT_THAT(cluster.node(2).ReadFrom(0), SizeIs(10));
  EXPECT_EQ(cluster.node(2).metrics.truncations.value(), 0u);
  EXPECT_EQ(cluster.node(2).Segments(), cluster.node(1).Segments());
}

TEST(GroupCluster, AnEntryThatWasDamagedOnItsWayIsRefusedAndSentAgain) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.node(1).Send(AnyGroupWorld::Batch({"a"}));
  cluster.group(1).TurnEnd();
  for (PeerMessage& message : cluster.mail()) {
    if (message.to().node != NodeId(2) || message.frames.empty()) continue;
    const ByteSpan whole = message.frames.front().view();
    ByteBuffer damaged(whole.size());
    std::ranges::copy(whole, damaged.data());
    damaged.data()[whole.size() / 2] ^= std::byte{1};
    message.frames.front() = SharedBytes(std::move(damaged));
  }
  cluster.Settle();
  EXPECT_EQ(cluster.node(2).metrics.appends_refused.value(), 1u);
  cluster.Heartbeat(1);
  EXPECT_THAT(cluster.node(2).ReadFrom(0), ElementsAre("a"));
}

TEST(GroupCluster, AFollowersReadSeesWhatWasCommittedWhenItAsked) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "a").has_value());
  std::optional<Result<Offset>> end;
  cluster.group(3).ReadIndex([&](Result<Offset> found) { end = found; });
  EXPECT_FALSE(end.has_value());
  cluster.Settle();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(**end, Offset(1));
}

// The answer to what the process before has asked comes late.
TEST(GroupCluster, AReadIsNotAnsweredByTheReplyToAnEarlierProcess) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.group(3).ReadIndex([](const Result<Offset>&) {});
  std::optional<PeerMessage> late;
  for (int i = 0; i < 20 && !late; ++i) {
    cluster.Tick(1, 1);
    for (std::uint32_t id = 1; id <= 3; ++id) cluster.group(id).TurnEnd();
    for (const PeerMessage& message : cluster.mail()) {
      const auto* raft = std::get_if<RaftMessage>(&message.body);
      if (raft != nullptr && std::holds_alternative<ReadReply>(raft->body)) late = message;
    }
    if (!late) cluster.DeliverAll();
  }
  ASSERT_TRUE(late.has_value());
  cluster.PowerCut(3);
  cluster.mail().clear();
  cluster.node(3).options.raft.seed += 1u << 20;  // As of each boot of a broker.
  cluster.Start(3);
  cluster.Heartbeat(1);
  bool is_answered = false;
  cluster.group(3).ReadIndex([&](const Result<Offset>&) { is_answered = true; });
  cluster.group(3).Receive(*late);
  EXPECT_FALSE(is_answered);
  cluster.Settle();
  EXPECT_TRUE(is_answered);
}

// Two logs that are not the same at the same (index, term): one of them is damaged, and nothing may
// be built on it, also where an append repeats what is there.
TEST(GroupCluster, AnAppendThatOverlapsADifferentEntryIsRefused) {
  GroupCluster ours, theirs;
  ours.Elect(1);
  ASSERT_TRUE(ours.Produce(1, "a").has_value());
  theirs.Elect(1);
  theirs.Isolate(2);
  ASSERT_TRUE(theirs.Produce(1, "b").has_value());
  theirs.node(1).Send(AnyGroupWorld::Batch({"c"}));
  theirs.Settle();
  theirs.Heal();
  const Index last = ours.group(2).status().last;
  for (int i = 0; i < 20 && theirs.group(2).status().last <= last; ++i) {
    theirs.Tick(1, GroupCluster::kHeartbeatTicks);
    for (const PeerMessage& message : theirs.mail()) {
      if (message.to().node == NodeId(2) && message.frames.size() > 1)
        ours.group(2).Receive(message);
    }
    theirs.DeliverAll();
  }
  ASSERT_GT(theirs.group(2).status().last, last);  // It was sent.
  EXPECT_EQ(ours.group(2).status().last, last);
  EXPECT_GE(ours.node(2).metrics.appends_refused.value(), 1u);
}

}  // namespace
}  // namespace raftmq
