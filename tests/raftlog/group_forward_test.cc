// Commands of an internal topic that are made on any replica: they go to the leader, and take
// effect everywhere.
#include <gtest/gtest.h>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

// A group whose state machine writes its commands one behind the other.
class WordCluster : public GroupCluster {
 public:
  WordCluster() : GroupCluster({.internal = true}) {
    for (std::uint32_t id = 1; id <= 3; ++id) {
      group(id).SetCapture([] { return ByteBuffer(0); });
      group(id).SetRestore([](ByteSpan) {});
      group(id).SetApply(
          [this, id](Index, ByteSpan payload) { text[id] += std::string(AsText(payload)) + " "; });
    }
  }

  std::shared_ptr<std::optional<Result<Proposed>>> Say(std::uint32_t id, const std::string& word) {
    auto answer = std::make_shared<std::optional<Result<Proposed>>>();
    group(id).ProposeAnywhere(MakeControlEntry(EntryKind::kCommand, AsBytes(word)),
                              [answer](Result<Proposed> outcome) {
                                EXPECT_FALSE(answer->has_value()) << "answered twice";
                                *answer = std::move(outcome);
                              });
    return answer;
  }

  std::map<std::uint32_t, std::string> text;
};

ErrorCode CodeOf(const std::shared_ptr<std::optional<Result<Proposed>>>& answer) {
  if (!answer->has_value()) return ErrorCode::kOk;  // Not yet answered.
  return (*answer)->has_value() ? ErrorCode::kOk : (*answer)->error().code;
}

TEST(GroupForward, AFollowersCommandTakesEffectEverywhere) {
  WordCluster cluster;
  cluster.Elect(1);
  const auto answer = cluster.Say(3, "hello");
  cluster.Settle();
  ASSERT_TRUE(answer->has_value());
  ASSERT_TRUE((*answer)->has_value());
  EXPECT_EQ((**answer)->index, cluster.group(1).status().commit);
  for (std::uint32_t id = 1; id <= 3; ++id) EXPECT_EQ(cluster.text[id], "hello ") << "node " << id;
}

TEST(GroupForward, CommandsOfAllReplicasAreAppliedInOneOrder) {
  WordCluster cluster;
  cluster.Elect(2);
  for (const std::uint32_t id : {1u, 2u, 3u}) cluster.Say(id, std::to_string(id));
  cluster.Settle();
  EXPECT_EQ(cluster.text[2].size(), 6u);
  EXPECT_EQ(cluster.text[1], cluster.text[2]);
  EXPECT_EQ(cluster.text[3], cluster.text[2]);
}

TEST(GroupForward, WithoutALeaderItIsRefusedAtOnce) {
  WordCluster cluster;
  EXPECT_EQ(CodeOf(cluster.Say(1, "hello")), ErrorCode::kNotLeader);
}

TEST(GroupForward, ALeaderThatDoesNotAnswerEndsInATimeout) {
  WordCluster cluster;
  cluster.Elect(1);
  cluster.Isolate(1);
  const auto answer = cluster.Say(2, "hello");
  cluster.Settle();
  EXPECT_FALSE(answer->has_value());
  cluster.node(2).clock.Advance(std::chrono::seconds(6));
  cluster.Tick(2, 1);
  EXPECT_EQ(CodeOf(answer), ErrorCode::kTimeout);
}

// The log may only be opened again, and whoever asked waits for an answer.
TEST(GroupForward, WhatIsAskedWhenTheGroupIsClosedEndsWithIt) {
  WordCluster cluster;
  cluster.Elect(1);
  cluster.Isolate(1);
  const auto answer = cluster.Say(2, "hello");
  std::vector<Result<Offset>> reads;
  cluster.group(2).ReadIndex([&](const Result<Offset>& end) { reads.push_back(end); });
  cluster.Settle();
  EXPECT_TRUE(reads.empty());
  bool is_closed = false;
  cluster.group(2).Drain([&] { is_closed = true; });
  cluster.Settle();
  EXPECT_TRUE(is_closed);
  EXPECT_EQ(CodeOf(answer), ErrorCode::kDisconnected);
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads.front().error().code, ErrorCode::kNotYet);
}

TEST(GroupForward, ALeaderThatIsNoneAnyMoreSaysSo) {
  WordCluster cluster;
  cluster.Elect(1);
  const auto answer = cluster.Say(3, "hello");
  // Before that arrives, node 2 leads; node 1 knows it, node 3 does not.
  const std::deque<PeerMessage> late = std::exchange(cluster.mail(), {});
  cluster.group(1).TransferTo(NodeId(2), [](Status) {});
  cluster.Settle();
  ASSERT_TRUE(cluster.group(2).status().is_leader);
  cluster.mail() = late;
  cluster.Settle();
  EXPECT_EQ(CodeOf(answer), ErrorCode::kNotLeader);
  EXPECT_EQ(cluster.text[1], "");
}

}  // namespace
}  // namespace raftmq
