// Known bugs of other Raft systems that show above the core, by their rows in RELIABILITY.md
// section 1.2. Those of the core itself are scenarios: raftlog/testdata/bug_*.txt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;

std::size_t VotesUnderWay(const GroupCluster& cluster) {
  return static_cast<std::size_t>(
      std::ranges::count_if(cluster.mail(), [](const PeerMessage& message) {
        const auto* raft = std::get_if<RaftMessage>(&message.body);
        const auto* reply = raft == nullptr ? nullptr : std::get_if<VoteReply>(&raft->body);
        return reply != nullptr && !reply->is_pre_vote && reply->is_granted;
      }));
}

// Zeebe #5360: the leader becomes a follower while an append is in progress, and the entry gets
// into the log with another term. Here one waits for the next segment's file meanwhile.
TEST(KnownRaftBugs, Row05AWaitingProposalDoesNotGetIntoALaterTerm) {
  GroupCluster cluster({.segment_bytes = 1});
  cluster.Elect(1);
  cluster.Isolate(1);
  // Nothing is prepared while the disk stands still: sooner or later a proposal has to wait.
  cluster.node(1).disk_hangs = true;
  std::shared_ptr<std::optional<Result<Proposed>>> waiting;
  Index last;
  do {
    last = cluster.group(1).status().last;
    waiting = cluster.node(1).Send(AnyGroupWorld::Batch({std::string(12'000, 'x')}));
  } while (cluster.group(1).status().last > last);
  ASSERT_FALSE(waiting->has_value());

  cluster.Elect(2);
  cluster.Heal();
  cluster.Heartbeat(2);
  // It was never in a log: the answer is definite.
  ASSERT_TRUE(waiting->has_value());
  EXPECT_EQ((*waiting)->error().code, ErrorCode::kNotLeader);

  // Nor does it come back when node 1 leads again.
  cluster.node(1).disk_hangs = false;
  cluster.Settle();
  cluster.PowerCut(2);
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "new").has_value());
  EXPECT_THAT(cluster.node(1).ReadFrom(0), ElementsAre("new"));
}

// The same for one that is in the log already: it goes with its term, and the answer is that
// nobody knows.
TEST(KnownRaftBugs, Row05AnEntryOfALostTermIsNotStampedAnew) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.Isolate(1);
  const auto lost = cluster.node(1).Send(AnyGroupWorld::Batch({"lost"}));
  cluster.Elect(2);
  cluster.Heal();
  cluster.Heartbeat(2);
  cluster.PowerCut(2);
  cluster.Elect(1);
  EXPECT_EQ((*lost)->error().code, ErrorCode::kDisconnected);
  EXPECT_THAT(cluster.node(1).ReadFrom(0), ElementsAre());
  EXPECT_EQ(cluster.node(1).Segments(), cluster.node(3).Segments());
}

// A vote leaves the node when it is synced, not when it is given, nor when it is written.
TEST(KnownRaftBugs, Row06AVoteLeavesTheNodeWhenItIsOnItsDisk) {
  GroupCluster cluster;
  cluster.node(3).disk_hangs = true;
  cluster.PowerCut(2);
  while (cluster.mail().empty()) cluster.Tick(1, 1);
  cluster.Settle();
  ASSERT_EQ(cluster.group(3).status().term, Term(1));
  StepDisk& disk = cluster.node(3).disk();
  disk.WriteAll();
  cluster.group(3).TurnEnd();
  EXPECT_EQ(VotesUnderWay(cluster), 0u);
  disk.SyncAll();
  disk.CompleteAll();
  EXPECT_EQ(VotesUnderWay(cluster), 1u);
  cluster.DeliverAll();
  EXPECT_TRUE(cluster.group(1).status().is_leader);
}

// And is known after a power cut from then on.
TEST(KnownRaftBugs, Row06AVoteThatWasToldIsKnownAfterAPowerCut) {
  GroupCluster cluster;
  cluster.Win(1);
  cluster.PowerCut(3);
  cluster.Start(3);
  EXPECT_EQ(cluster.group(3).status().term, Term(1));
  EXPECT_EQ(cluster.group(2).status().term, Term(1));
}

// etcd's README, Jepsen on TigerBeetle: a node comes back with an empty disk under its old name,
// has forgotten its votes and entries, and counts. Here it is another replica of the same node, and
// its word counts for nothing before the group has taken it in.
TEST(KnownRaftBugs, Row13ANodeThatLostItsDiskHasNoVote) {
  GroupCluster cluster;
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "a").has_value());
  cluster.Replace(3, ReplicaNumber(9));
  cluster.PowerCut(1);
  // With the old node 3 this would be a majority.
  cluster.Tick(2, 1100);
  cluster.Tick(3, 1100);
  cluster.Settle();
  EXPECT_FALSE(cluster.group(2).status().is_leader);
  EXPECT_FALSE(cluster.group(3).status().is_leader);
  EXPECT_EQ(cluster.group(2).status().term, Term(1));
}

TEST(KnownRaftBugs, Row13ANodeThatLostItsDiskAcksNothing) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.Replace(3, ReplicaNumber(9));
  cluster.PowerCut(2);
  const Result<Proposed> unanswered = cluster.Produce(1, "a");
  EXPECT_EQ(unanswered.error().code, ErrorCode::kTimeout);
  cluster.Heartbeat(1);
  EXPECT_EQ(cluster.group(3).status().last, Index(1));
  EXPECT_EQ(cluster.group(3).status().leader, NodeId(0));  // It was not even spoken to.
}

// A leader whose disk hangs goes on with its heartbeats, and nobody replaces it.
TEST(KnownRaftBugs, Row14ALeaderWhoseDiskHangsGivesUp) {
  GroupCluster cluster;
  cluster.Elect(1);
  cluster.node(1).disk_hangs = true;
  cluster.node(1).Send(AnyGroupWorld::Batch({"a"}));
  cluster.Settle();
  cluster.node(1).clock.Advance(cluster.node(1).options.disk_hang_limit);
  cluster.Tick(1, 1);
  EXPECT_TRUE(cluster.group(1).status().is_leader);
  cluster.node(1).clock.Advance(Milliseconds(1));
  cluster.Tick(1, 1);
  EXPECT_FALSE(cluster.group(1).status().is_leader);
  EXPECT_EQ(cluster.node(1).metrics.disk_hangs.value(), 1u);
  cluster.Settle();  // No timer has to run out.
  EXPECT_TRUE(cluster.group(2).status().is_leader);
  EXPECT_TRUE(cluster.Produce(2, "b").has_value());
}

}  // namespace
}  // namespace raftmq
