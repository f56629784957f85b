// Data directories that are not what they were: swapped, rolled back to an older copy, emptied.
// What was acked stays, and none of them votes as its old self (I-11). RAFTMQ_IDENTITY_ROUNDS: how
// often each is done (1).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "segment/posix_file_system.h"
#include "segment/save_counter.h"
#include "tests/broker/cluster_fixture.h"
#include "tests/broker/cluster_history.h"
#include "tests/broker/cluster_load.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kTopic = "orders";
constexpr int kExitForeign = 13;  // process_setup.h
constexpr std::uint64_t kAcksPerStep = 50;
constexpr std::uint32_t kPartitions = 3;

int Rounds() {
  const char* const rounds = std::getenv("RAFTMQ_IDENTITY_ROUNDS");
  return rounds != nullptr ? std::atoi(rounds) : 1;
}

class ClusterIdentity : public ::testing::Test {
 protected:
  void SetUp() override {
    MakeTopic(cluster_, client_, kTopic, kPartitions);
    load_ = std::make_unique<Load>(client_, history_,
                                   Load::Options{.topic = kTopic, .messages_allowed = 0});
  }
  void TearDown() override {
    if (HasFailure()) std::cout << cluster_.Logs();
  }

  // Another node each time, whoever leads.
  static NodeId VictimOf(int round) {
    return ClusterProcess::nodes()[static_cast<std::size_t>(round) % ClusterProcess::kNodes];
  }
  void ExpectMoreAcks() {
    load_->Allow(kAcksPerStep);
    EXPECT_TRUE(load_->WaitForAckedCount(allowed_ += kAcksPerStep));
  }
  void ExpectCaughtUp(NodeId node) {
    EXPECT_TRUE(Becomes([&] {
      return cluster_.DurableEnd(node, kTopic) ==
             cluster_.DurableEnd(cluster_.WaitForLeader(kTopic), kTopic);
    }));
  }
  // All nodes answer, and each holds the replicas placed there, as voters.
  void ExpectWhole() {
    std::string found;
    const auto is_whole = [&] {
      const auto cluster = client_.Survey({kTopic});
      if (!cluster) return false;
      found.clear();
      for (const auto& partition : cluster->topics.front().partitions) {
        for (const auto& replica : partition.replicas)
          found += fmt::format(" {}:{}{}", replica.node, replica.role, replica.durable ? "" : "?");
      }
      return found.find("lost") == std::string::npos &&
             found.find("learner") == std::string::npos && found.find('?') == std::string::npos;
    };
    EXPECT_TRUE(Becomes(is_whole)) << found;
  }
  // How often any of its connections to other nodes came up: before that nobody hears its votes.
  double TimesConnected(NodeId node) const {
    const std::string body = HttpGet(cluster_.process(node).http(), "/metrics").body;
    const std::string series = "\nraftmq_peer_connections_total{event=\"up\"} ";
    const auto at = body.find(series);
    return at == std::string::npos ? -1 : std::strtod(body.c_str() + at + series.size(), nullptr);
  }
  void ExpectTurnedAway(NodeId node, const std::string& why) {
    EXPECT_TRUE(Becomes([&] {
      return cluster_.process(node).Stderr().find(why) != std::string::npos;
    })) << why;
    ExpectMoreAcks();
    EXPECT_EQ(TimesConnected(node), 0);
  }
  void Replace(NodeId node) {
    const Status replaced = client_.ReplaceNode(node.value());
    ASSERT_TRUE(replaced) << replaced.error().ToString();
  }
  // Without one of the others it takes its vote to elect a leader, and its copy to ack.
  void ExpectVotes(NodeId node, NodeId without) {
    cluster_.Kill(without);
    ExpectMoreAcks();
    EXPECT_NE(cluster_.WaitForLeader(kTopic), without);
    cluster_.Start(without);
    ExpectCaughtUp(without);
    ExpectCaughtUp(node);
  }
  // The same of the catalogue, in which each topic is an entry.
  void ExpectCatalogueVotes(NodeId without) {
    cluster_.Kill(without);
    MakeTopic(cluster_, client_, "vote-" + std::to_string(++votes_), 1);
    cluster_.Start(without);
  }
  // Its directory goes, or its `meta` is damaged, or its log goes.
  static void LoseReplica(const std::filesystem::path& directory, int round) {
    if (round % 3 == 0) {
      std::filesystem::remove_all(directory);
    } else if (round % 3 == 1) {
      std::ofstream(directory / "meta") << std::string(32'768, 'x');
    } else {
      for (const auto& file : std::filesystem::directory_iterator(directory)) {
        if (file.path().extension() == ".log") std::filesystem::remove(file);
      }
    }
  }
  // The last one that is not zero.
  static bool FlipLastByte(const std::filesystem::path& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const auto at = bytes.find_last_not_of('\0');
    if (at == std::string::npos) return false;
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(bytes[at] ^ 0x10));
    return file.good();
  }
  void ExpectNothingLost() {
    EXPECT_TRUE(load_->Finish());
    EXPECT_THAT(load_->errors(), IsEmpty());
    EXPECT_TRUE(IsConsistent(cluster_, client_, kTopic, history_));
  }

  std::string Directory(NodeId node) const { return cluster_.data_directory(node); }
  std::string CopyOf(NodeId node) const { return Directory(node) + "-copy"; }
  void KeepCopy(NodeId node) const {
    std::filesystem::remove_all(CopyOf(node));
    std::filesystem::copy(Directory(node), CopyOf(node), std::filesystem::copy_options::recursive);
  }
  void ExchangeWithCopy(NodeId node) const {
    std::filesystem::rename(Directory(node), Directory(node) + "-other");
    std::filesystem::rename(CopyOf(node), Directory(node));
    std::filesystem::rename(Directory(node) + "-other", CopyOf(node));
  }
  // What its directory, or a copy of that, says.
  static SaveCounter::Content CounterIn(const std::string& directory) {
    const TemporaryDirectory scratch;
    std::filesystem::copy(directory + "/" + SaveCounter::kName, scratch.path());
    PosixFileSystem files;
    std::vector<std::string> notes;
    const auto counter = SaveCounter::Open(files, scratch.path(), &notes);
    return counter ? (*counter)->content() : SaveCounter::Content{};
  }
  // Promises on until the other nodes have kept that it has gone on since the copy.
  void WaitUntilOthersKnow(NodeId node) {
    const std::uint64_t copied = CounterIn(CopyOf(node)).number;
    const auto knows = [&](NodeId other) {
      const auto others = CounterIn(Directory(other)).others;
      const auto shown = others.find(node);
      return shown != others.end() && shown->second.number > copied;
    };
    EXPECT_TRUE(Becomes([&] {
      ExpectMoreAcks();
      return std::ranges::all_of(cluster_.Others(node), knows);
    }));
  }
  void ExpectRefused(NodeId node) {
    const ClusterProcess::Ended ended = cluster_.StartAndWaitForEnd(node);
    EXPECT_EQ(ended.exit_code, kExitForeign) << ended.log;
    EXPECT_THAT(ended.log, HasSubstr("rolled back"));
    EXPECT_THAT(ended.log, HasSubstr("raftmq node replace " + node.ToString()));
  }

  // Each of two nodes finds what belongs to the other, and says so.
  void ExpectSwapRefused(const std::function<std::string(NodeId)>& path,
                         const std::function<std::string(NodeId)>& says) {
    for (int round = 0; round < Rounds(); ++round) {
      const NodeId one = VictimOf(round), other = VictimOf(round + 1);
      ExpectMoreAcks();
      cluster_.Kill(one);
      cluster_.Kill(other);
      const auto swap = [&] {
        std::filesystem::rename(path(one), Directory(one) + ".swapped");
        std::filesystem::rename(path(other), path(one));
        std::filesystem::rename(Directory(one) + ".swapped", path(other));
      };
      swap();
      for (const NodeId node : {one, other}) {
        const ClusterProcess::Ended ended = cluster_.StartAndWaitForEnd(node);
        EXPECT_EQ(ended.exit_code, kExitForeign) << ended.log;
        EXPECT_THAT(ended.log, HasSubstr(says(node)));
      }
      swap();
      cluster_.StartAll();
      ExpectMoreAcks();
    }
    ExpectNothingLost();
  }

  ClusterProcess cluster_;
  Client client_ = ConnectTo(cluster_);
  checker::HistoryRecorder history_;
  std::unique_ptr<Load> load_;
  std::size_t allowed_ = 0;  // Messages so far.
  int votes_ = 0;            // Topics made by ExpectCatalogueVotes.
};

TEST_F(ClusterIdentity, SwappedDirectoriesAreRefused) {
  ExpectSwapRefused([this](NodeId node) { return Directory(node); },
                    [](NodeId) { return "belongs to node"; });
}

// Of one partition only: `node` and the catalogue are each node's own.
TEST_F(ClusterIdentity, SwappedDirectoriesOfOnePartitionAreRefused) {
  const GroupId group{cluster_.Ask(NodeId(1), kTopic)->id, PartitionNumber(0)};
  ExpectSwapRefused(
      [&](NodeId node) { return Directory(node) + "/partitions/" + group.ToString(); },
      [](NodeId node) { return "of the replica on node " + node.ToString(); });
}

// The copy is taken while the node is down, and the next time of a node that stands still.
TEST_F(ClusterIdentity, ARolledBackDirectoryIsRefused) {
  for (int round = 0; round < Rounds(); ++round) {
    const NodeId victim = VictimOf(round);
    ExpectMoreAcks();
    if (round % 2 == 0) {
      cluster_.Kill(victim);
      KeepCopy(victim);
      cluster_.Start(victim);
    } else {
      cluster_.Pause(victim);
      KeepCopy(victim);
      cluster_.Continue(victim);
    }
    WaitUntilOthersKnow(victim);
    cluster_.Kill(victim);
    ExchangeWithCopy(victim);
    ExpectMoreAcks();
    ExpectRefused(victim);
    ExpectRefused(victim);  // However often.
    ExpectMoreAcks();
    if (round % 2 == 0) {
      ExchangeWithCopy(victim);
    } else {  // The newer one is gone for good.
      std::filesystem::remove_all(Directory(victim));
      Replace(victim);
    }
    cluster_.Start(victim);
    ExpectWhole();
    ExpectCaughtUp(victim);
  }
  ExpectNothingLost();
}

TEST_F(ClusterIdentity, ARolledBackDirectoryIsRefusedAfterAllNodesWereStarted) {
  for (int round = 0; round < Rounds(); ++round) {
    const NodeId victim = VictimOf(round);
    ExpectMoreAcks();
    cluster_.Pause(victim);
    KeepCopy(victim);
    cluster_.Continue(victim);
    WaitUntilOthersKnow(victim);
    cluster_.KillAll();
    ExchangeWithCopy(victim);
    // With one of the others, it would be a majority that has not got all that was acked.
    const NodeId first = VictimOf(round + 1), second = VictimOf(round + 2);
    cluster_.Start(first);
    ExpectRefused(victim);
    cluster_.Start(second);
    ExpectMoreAcks();
    ExchangeWithCopy(victim);
    cluster_.Start(victim);
    ExpectCaughtUp(victim);
  }
  ExpectNothingLost();
}

// The directory is emptied before the operator says so, and the next time after.
TEST_F(ClusterIdentity, AnEmptiedDirectoryIsRefusedUntilItsNodeIsReplaced) {
  for (int round = 0; round < Rounds(); ++round) {
    const NodeId victim = VictimOf(round);
    ExpectMoreAcks();
    cluster_.Kill(victim);
    std::filesystem::remove_all(Directory(victim));
    if (round % 2 == 0) {
      cluster_.Start(victim);
      ExpectTurnedAway(victim, "another data directory");
      ExpectTurnedAway(victim, "raftmq node replace " + victim.ToString());
      Replace(victim);
    } else {
      Replace(victim);
      ExpectMoreAcks();
      cluster_.Start(victim);
    }
    ExpectMoreAcks();
    ExpectWhole();
    ExpectCaughtUp(victim);
    ExpectVotes(victim, VictimOf(round + 1));
  }
  ExpectNothingLost();
}

TEST_F(ClusterIdentity, AReplacementGoesOnAfterAllNodesWereStarted) {
  ExpectMoreAcks();
  const NodeId victim = VictimOf(0);
  cluster_.Kill(victim);
  std::filesystem::remove_all(Directory(victim));
  Replace(victim);
  cluster_.Start(victim);
  cluster_.KillAll();
  cluster_.StartAll();
  ExpectMoreAcks();
  ExpectWhole();
  cluster_.KillAll();
  cluster_.StartAll();
  ExpectWhole();
  ExpectVotes(victim, VictimOf(1));
  ExpectNothingLost();
}

TEST_F(ClusterIdentity, AReplacedDirectoryNeverComesBack) {
  ExpectMoreAcks();
  const NodeId victim = VictimOf(0);
  cluster_.Kill(victim);
  Replace(victim);
  cluster_.Start(victim);
  ExpectTurnedAway(victim, "was replaced");
  cluster_.Kill(victim);
  std::filesystem::remove_all(Directory(victim));
  cluster_.Start(victim);
  ExpectWhole();
  ExpectVotes(victim, VictimOf(1));
  ExpectNothingLost();
}

// One partition's directory goes, the next time its `meta` is damaged, the next time its log goes.
TEST_F(ClusterIdentity, ALostReplicaIsReplacedOnItsOwnNode) {
  const GroupId group{cluster_.Ask(NodeId(1), kTopic)->id, PartitionNumber(0)};
  for (int round = 0; round < Rounds(); ++round) {
    const NodeId victim = VictimOf(round);
    const std::filesystem::path directory = Directory(victim) + "/partitions/" + group.ToString();
    ExpectMoreAcks();
    cluster_.Kill(victim);
    LoseReplica(directory, round);
    ExpectMoreAcks();
    cluster_.Start(victim);
    ExpectCaughtUp(victim);
    ExpectWhole();
    EXPECT_EQ(std::filesystem::exists(directory.string() + ".lost"), round % 3 != 0);
    std::filesystem::remove_all(directory.string() + ".lost");
    ExpectVotes(victim, VictimOf(round + 1));
  }
  ExpectNothingLost();
}

// In the same three ways, and once all nodes are started before it is replaced.
TEST_F(ClusterIdentity, ALostReplicaOfTheCatalogueIsReplacedOnItsOwnNode) {
  for (int round = 0; round < 3 * Rounds(); ++round) {
    const NodeId victim = VictimOf(round);
    const std::filesystem::path directory =
        Directory(victim) + "/partitions/" + GroupId{kClusterTopicId, {}}.ToString();
    ExpectMoreAcks();
    cluster_.Kill(victim);
    LoseReplica(directory, round);
    if (round % 3 == 1) {
      cluster_.KillAll();
      cluster_.StartAll();
    } else {
      cluster_.Start(victim);
    }
    ExpectMoreAcks();
    EXPECT_TRUE(Becomes([&] {
      return cluster_.process(victim).Stderr().find("joining as replica") != std::string::npos;
    }));
    ExpectCaughtUp(victim);
    ExpectWhole();
    EXPECT_EQ(std::filesystem::exists(directory.string() + ".lost"), round % 3 != 0);
    std::filesystem::remove_all(directory.string() + ".lost");
    ExpectVotes(victim, VictimOf(round + 1));
    ExpectCatalogueVotes(VictimOf(round + 1));
  }
  ExpectNothingLost();
}

// Its log still has a checkpoint: only what the others were may be hidden by the damage.
TEST_F(ClusterIdentity, ADamagedCatalogueIsRepairedBeforeItsNodeKnowsAllPeers) {
  for (int round = 0; round < Rounds(); ++round) {
    const NodeId victim = VictimOf(round);
    const std::filesystem::path directory =
        Directory(victim) + "/partitions/" + GroupId{kClusterTopicId, {}}.ToString();
    ExpectMoreAcks();
    cluster_.Stop(victim);
    ASSERT_TRUE(FlipLastByte(directory / "00000000000000000001-00000000000000000000.log"));
    ExpectMoreAcks();
    cluster_.Start(victim);
    EXPECT_THAT(cluster_.process(victim).Stderr(), HasSubstr("were promised and are kept as"));
    ExpectCaughtUp(victim);
    ExpectWhole();
    EXPECT_FALSE(std::filesystem::exists(directory.string() + ".lost"));
    ExpectVotes(victim, VictimOf(round + 1));
    ExpectCatalogueVotes(VictimOf(round + 1));
  }
  ExpectNothingLost();
}

TEST_F(ClusterIdentity, ANodeThatRunsOrIsNoneIsNotReplaced) {
  for (const NodeId node : cluster_.nodes()) {
    const Status refused = client_.ReplaceNode(node.value());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr("stop it first"));
  }
  const Status refused = client_.ReplaceNode(9);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("the cluster has the nodes 1, 2, 3"));
}

}  // namespace
}  // namespace raftmq::testing
