// Quiet groups (raftlog/core/quiet.cc): no heartbeats while nothing is to be said, and no group
// left quiet without a leader.
#include <gtest/gtest.h>

#include <variant>

#include "tests/raftlog/core/core_cluster.h"

namespace raftmq {
namespace {

constexpr std::uint32_t kHeartbeat = 2;
constexpr std::uint32_t kElectionMin = 10;
constexpr std::uint32_t kElectionMax = 20;
constexpr NodeId kOne{1}, kTwo{2}, kThree{3};

class QuietTest : public testing::Test {
 protected:
  static CoreCluster::Options Options() {
    CoreCluster::Options options;
    options.raft.heartbeat_ticks = kHeartbeat;
    options.raft.election_ticks_min = kElectionMin;
    options.raft.election_ticks_max = kElectionMax;
    options.raft.goes_quiet = true;
    return options;
  }
  QuietTest() : cluster(Options()) {}

  void DeliverAll() {
    while (!cluster.letters().empty()) cluster.Deliver(0);
  }
  void Settle() {
    for (int i = 0; i < 8; ++i) {
      for (const NodeId id : cluster.node_ids()) {
        if (!cluster.IsUp(id)) continue;
        cluster.SyncAll(id);
        cluster.EndTurn(id);
      }
      DeliverAll();
    }
  }
  void Elect(NodeId id) {
    while (cluster.raft(id).status().role != RaftRole::kLeader) {
      cluster.Tick(id);
      Settle();
    }
  }
  void Pass(NodeId id, std::uint32_t ticks) {
    for (std::uint32_t i = 0; i < ticks; ++i) {
      cluster.Tick(id);
      cluster.EndTurn(id);
    }
  }
  // Node 1 leads, and all are quiet.
  void MakeQuiet() {
    Elect(kOne);
    Pass(kOne, kHeartbeat);
    Settle();
    for (const NodeId id : cluster.node_ids()) ASSERT_TRUE(cluster.raft(id).IsQuiet());
  }
  // Node 2 stays quiet.
  void LoseNodeThree() {
    MakeQuiet();
    cluster.Crash(kThree);
    cluster.PeerUnreachable(kOne, kThree);
  }
  void PassSettled(std::uint32_t ticks) {
    for (std::uint32_t i = 0; i < ticks; ++i) {
      Pass(kOne, 1);
      Settle();
    }
  }
  const RaftStatus& StatusOf(NodeId id) { return cluster.raft(id).status(); }

  CoreCluster cluster;
};

TEST_F(QuietTest, ASettledGroupNeedsNoHeartbeatsAndStartsNoElections) {
  MakeQuiet();
  for (const NodeId id : cluster.node_ids()) Pass(id, 10 * kElectionMax);
  EXPECT_TRUE(cluster.letters().empty());
  EXPECT_EQ(StatusOf(kOne).role, RaftRole::kLeader);
}

TEST_F(QuietTest, AnEntryWakesTheGroupAndItSettlesAgain) {
  MakeQuiet();
  ASSERT_TRUE(cluster.Propose(kOne).has_value());
  EXPECT_FALSE(cluster.raft(kOne).IsQuiet());
  cluster.EndTurn(kOne);
  DeliverAll();
  EXPECT_FALSE(cluster.raft(kTwo).IsQuiet());
  Settle();
  Pass(kOne, kHeartbeat);
  Settle();
  for (const NodeId id : cluster.node_ids()) EXPECT_TRUE(cluster.raft(id).IsQuiet());
  EXPECT_EQ(StatusOf(kThree).commit, StatusOf(kOne).last);
}

TEST_F(QuietTest, AFollowerWithUnsyncedEntriesIsNotLeftAlone) {
  Elect(kOne);
  ASSERT_TRUE(cluster.Propose(kOne).has_value());
  cluster.EndTurn(kOne);
  DeliverAll();
  cluster.SyncAll(kOne);
  cluster.SyncAll(kTwo);
  DeliverAll();  // Committed by nodes 1 and 2; node 3's disk is slow.
  Pass(kOne, 2 * kHeartbeat);
  DeliverAll();
  EXPECT_TRUE(cluster.raft(kTwo).IsQuiet());
  EXPECT_FALSE(cluster.raft(kThree).IsQuiet());
  EXPECT_FALSE(cluster.raft(kOne).IsQuiet());
}

TEST_F(QuietTest, ALostNewsOfTheCommitComesWithTheLastHeartbeat) {
  Elect(kOne);
  Settle();
  ASSERT_TRUE(cluster.Propose(kOne).has_value());
  cluster.EndTurn(kOne);
  DeliverAll();
  for (const NodeId id : cluster.node_ids()) cluster.SyncAll(id);
  DeliverAll();
  cluster.EndTurn(kOne);
  while (!cluster.letters().empty()) cluster.Drop(0);
  EXPECT_LT(StatusOf(kThree).commit, StatusOf(kOne).commit);
  Pass(kOne, kHeartbeat);
  Settle();
  EXPECT_TRUE(cluster.raft(kThree).IsQuiet());
  EXPECT_EQ(StatusOf(kThree).commit, StatusOf(kOne).commit);
}

TEST_F(QuietTest, AFollowerThatHasMoreThanTheLeaderSaysDoesNotAgree) {
  Elect(kOne);
  Pass(kOne, kHeartbeat);
  ASSERT_FALSE(cluster.letters().empty());
  // The leader's last message is overtaken by an entry.
  const CoreCluster::Letter late = cluster.letters().front();
  ASSERT_TRUE(std::get<AppendRequest>(late.message.body).goes_quiet);
  cluster.DeliverCopy(0);
  ASSERT_TRUE(cluster.Propose(kOne).has_value());
  cluster.EndTurn(kOne);
  while (cluster.letters().size() > 1) cluster.Deliver(cluster.letters().size() - 1);
  DeliverAll();
  EXPECT_FALSE(cluster.raft(late.to).IsQuiet());
}

TEST_F(QuietTest, AQuietFollowerSticksToItsLeader) {
  MakeQuiet();
  cluster.PeerSilent(kThree, kOne, kElectionMin);
  Pass(kThree, kElectionMax);
  Settle();
  EXPECT_EQ(StatusOf(kOne).role, RaftRole::kLeader);
  EXPECT_EQ(StatusOf(kTwo).term, StatusOf(kOne).term);
}

TEST_F(QuietTest, FollowersOfASilentShardElectAnother) {
  MakeQuiet();
  cluster.Crash(kOne);
  cluster.PeerSilent(kTwo, kOne, kElectionMin);
  cluster.PeerSilent(kThree, kOne, kElectionMin);
  for (std::uint32_t i = 0; i < 3 * kElectionMax; ++i) {
    Pass(kTwo, 1);
    Pass(kThree, 1);
    Settle();
  }
  EXPECT_NE(cluster.Leader(), NodeId(0));
}

TEST_F(QuietTest, ALeaderOfASilentShardGivesUp) {
  MakeQuiet();
  cluster.PeerSilent(kOne, kTwo, 0);
  cluster.PeerSilent(kOne, kThree, 0);
  for (std::uint32_t i = 0; i < 2 * kElectionMin + kHeartbeat; ++i) {
    Pass(kOne, 1);
    while (!cluster.letters().empty()) cluster.Drop(0);
  }
  EXPECT_EQ(StatusOf(kOne).role, RaftRole::kFollower);
}

TEST_F(QuietTest, OneLiveQuietFollowerOfTwoIsAQuorum) {
  MakeQuiet();
  cluster.Crash(kThree);
  cluster.PeerSilent(kOne, kThree, 0);
  for (std::uint32_t i = 0; i < 10 * kElectionMax; ++i) {
    Pass(kOne, 1);
    Settle();
  }
  EXPECT_EQ(StatusOf(kOne).role, RaftRole::kLeader);
}

TEST_F(QuietTest, AFollowerThatIsGoneKeepsNobodyAwake) {
  LoseNodeThree();
  PassSettled(2 * kElectionMax);
  EXPECT_TRUE(cluster.raft(kOne).IsQuiet());
  EXPECT_TRUE(cluster.raft(kTwo).IsQuiet());
  cluster.BeatLost(kOne);
  ASSERT_EQ(cluster.letters().size(), 1u);
  EXPECT_TRUE(cluster.raft(kOne).IsQuiet());
  cluster.Restart(kThree);
  Settle();
  EXPECT_EQ(StatusOf(kThree).leader, kOne);
  EXPECT_FALSE(cluster.raft(kOne).IsQuiet());
  PassSettled(2 * kHeartbeat);
  for (const NodeId id : cluster.node_ids()) EXPECT_TRUE(cluster.raft(id).IsQuiet());
}

// It has only just been woken: it has to be heard, or be missed for long, before nobody waits for
// it.
TEST_F(QuietTest, AFollowerThatDoesNotAgreeKeepsItsLeaderAwake) {
  MakeQuiet();
  cluster.PeerSilent(kOne, kThree, 0);
  cluster.EndTurn(kOne);
  cluster.PeerSilent(kThree, kOne, 0);
  while (!cluster.letters().empty()) cluster.Drop(0);
  EXPECT_TRUE(cluster.raft(kTwo).IsQuiet());
  EXPECT_FALSE(cluster.raft(kOne).IsQuiet());
}

TEST_F(QuietTest, WithoutAQuorumOfQuietFollowersALeaderStaysAwake) {
  LoseNodeThree();
  PassSettled(2 * kElectionMax);
  cluster.PeerSilent(kOne, kTwo, 0);
  EXPECT_FALSE(cluster.raft(kOne).IsQuiet());
}

TEST_F(QuietTest, WhoAsksForPreVotesHearsTheLeaderAtOnce) {
  LoseNodeThree();
  PassSettled(2 * kElectionMax);
  cluster.Restart(kThree);
  Pass(kThree, kElectionMax);
  DeliverAll();
  cluster.EndTurn(kOne);
  DeliverAll();
  EXPECT_EQ(StatusOf(kThree).leader, kOne);
}

// Node 3 is down, node 2 is quiet: it was vouched for until this very tick.
TEST_F(QuietTest, AnEntryThatWakesAFollowerLeavesItTimeToAnswer) {
  LoseNodeThree();
  for (std::uint32_t offset = 0; offset < kElectionMin; ++offset) {
    PassSettled(4 * kElectionMin + offset);
    ASSERT_EQ(StatusOf(kOne).role, RaftRole::kLeader);
    ASSERT_TRUE(cluster.Propose(kOne).has_value());
    cluster.EndTurn(kOne);
    Pass(kOne, 1);  // The follower's answer takes a tick longer.
    ASSERT_EQ(StatusOf(kOne).role, RaftRole::kLeader) << "after " << offset << " more ticks";
    Settle();
  }
}

// The same without an entry: their shards do not agree (the connection is fine).
TEST_F(QuietTest, AFollowerThatIsNotVouchedForAnyMoreHasTimeToAnswer) {
  LoseNodeThree();
  for (std::uint32_t offset = 0; offset < kElectionMin; ++offset) {
    PassSettled(4 * kElectionMin + offset);
    ASSERT_EQ(StatusOf(kOne).role, RaftRole::kLeader);
    cluster.PeerSilent(kOne, kTwo, 0);
    Pass(kOne, 1);
    ASSERT_EQ(StatusOf(kOne).role, RaftRole::kLeader) << "after " << offset << " more ticks";
    Settle();
  }
}

TEST_F(QuietTest, ABrokenConnectionStartsAnElectionAtOnce) {
  MakeQuiet();
  cluster.Crash(kOne);
  cluster.PeerUnreachable(kTwo, kOne);
  cluster.PeerUnreachable(kThree, kOne);
  for (std::uint32_t i = 0; i < kElectionMin; ++i) {
    Pass(kTwo, 1);
    Pass(kThree, 1);
    Settle();
  }
  EXPECT_NE(cluster.Leader(), NodeId(0));
}

TEST_F(QuietTest, AReadAsksTheGroupItself) {
  MakeQuiet();
  cluster.ReadIndex(kOne, 1);
  EXPECT_FALSE(cluster.raft(kOne).IsQuiet());
  Settle();
  ASSERT_EQ(cluster.reads(kOne).size(), 1u);
  EXPECT_TRUE(cluster.reads(kOne)[0].is_confirmed);
}

}  // namespace
}  // namespace raftmq
