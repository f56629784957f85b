// Two shards that beat to each other through a wire that obeys only the test.
#include "raftlog/heartbeats.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace raftmq {
namespace {

constexpr std::uint32_t kBeat = 5;
constexpr std::uint32_t kSilence = 50;

GroupId Group(std::uint32_t partition) { return {TopicId{7, 7}, PartitionNumber(partition)}; }

struct Wire {
  struct Letter {
    NodeId from;
    NodeId to;
    std::variant<Heartbeat, HeartbeatReply> body;
  };
  std::deque<Letter> letters;
};

// One shard, the only one of its node.
class Side final : public HeartbeatTransport {
 public:
  struct Silent {
    GroupId group;
    NodeId node;
    std::uint32_t ticks = 0;
    bool operator==(const Silent&) const = default;
  };
  Side(NodeId self, std::uint64_t boot_id, Wire& wire) : self_(self), wire_(wire) {
    Start(boot_id);
  }
  void Start(std::uint64_t boot_id) {
    beats = std::make_unique<Heartbeats>(
        Heartbeats::Options{
            .boot_id = boot_id, .heartbeat_ticks = kBeat, .silence_ticks = kSilence},
        *this, [this](const GroupId& group, NodeId node, std::uint32_t ticks) {
          silent.push_back({group, node, ticks});
        });
  }
  std::optional<PeerShard> WhereIs(NodeId node, const GroupId&) const override {
    return PeerShard{node, 0};
  }
  void Send(const PeerShard& to, Heartbeat heartbeat) override {
    wire_.letters.push_back({self_, to.node, std::move(heartbeat)});
  }
  void Send(const PeerShard& to, HeartbeatReply reply) override {
    wire_.letters.push_back({self_, to.node, std::move(reply)});
  }

  std::unique_ptr<Heartbeats> beats;
  std::vector<Silent> silent;

 private:
  const NodeId self_;
  Wire& wire_;
};

class HeartbeatsTest : public testing::Test {
 protected:
  static constexpr NodeId kLeader{1};
  static constexpr NodeId kFollower{2};

  void Lead(std::uint32_t partition, std::uint64_t term = 3) {
    leader.beats->Update(Group(partition), {.term = Term(term), .followers = {kFollower}});
  }
  void Follow(std::uint32_t partition, std::uint64_t term = 3) {
    follower.beats->Update(Group(partition), {.term = Term(term), .leader = kLeader});
  }
  void BothQuiet(std::uint32_t partition) {
    Lead(partition);
    Follow(partition);
  }
  Side& SideOf(NodeId node) { return node == kLeader ? leader : follower; }
  void Deliver(const Wire::Letter& letter) {
    std::visit([&](const auto& body) { SideOf(letter.to).beats->Receive(letter.from, body); },
               letter.body);
  }
  void DeliverAll() {
    while (!wire.letters.empty()) {
      const Wire::Letter letter = std::move(wire.letters.front());
      wire.letters.pop_front();
      Deliver(letter);
    }
  }
  void Pass(std::uint32_t ticks) {
    for (std::uint32_t i = 0; i < ticks; ++i) {
      leader.beats->Tick();
      follower.beats->Tick();
      DeliverAll();
    }
  }

  Wire wire;
  Side leader{kLeader, 11, wire};
  Side follower{kFollower, 22, wire};
};

TEST_F(HeartbeatsTest, AgreedGroupsStayQuietForEver) {
  BothQuiet(0);
  BothQuiet(1);
  Pass(10 * kSilence);
  EXPECT_TRUE(leader.silent.empty());
  EXPECT_TRUE(follower.silent.empty());
}

TEST_F(HeartbeatsTest, OneFramePerBeatHoweverManyGroups) {
  for (std::uint32_t partition = 0; partition < 1000; ++partition) BothQuiet(partition);
  for (std::uint32_t i = 0; i < kBeat; ++i) leader.beats->Tick();
  ASSERT_EQ(wire.letters.size(), 1u);
  const auto& beat = std::get<Heartbeat>(wire.letters.front().body);
  EXPECT_TRUE(beat.groups.empty());
}

TEST_F(HeartbeatsTest, AFollowerOfAHungShardIsWokenAfterAnElectionTimeout) {
  BothQuiet(0);
  Pass(kSilence);
  for (std::uint32_t i = 0; i + kBeat < kSilence; ++i) follower.beats->Tick();
  EXPECT_TRUE(follower.silent.empty());
  for (std::uint32_t i = 0; i < kBeat; ++i) follower.beats->Tick();
  ASSERT_EQ(follower.silent.size(), 1u);
  EXPECT_EQ(follower.silent[0], (Side::Silent{Group(0), kLeader, kSilence}));
}

TEST_F(HeartbeatsTest, ALeaderWhoseFollowersShardIsSilentIsWoken) {
  BothQuiet(0);
  for (std::uint32_t i = 0; i < kSilence; ++i) {
    leader.beats->Tick();
    wire.letters.clear();
  }
  ASSERT_EQ(leader.silent.size(), 1u);
  EXPECT_EQ(leader.silent[0].node, kFollower);
}

TEST_F(HeartbeatsTest, AGroupThatHasJustBecomeQuietWasNotSilentAsLongAsTheOthers) {
  Follow(0);  // Its leader stepped down: nothing beats for it any more.
  Pass(kSilence - 1);
  BothQuiet(1);  // The leader's last append has come this very tick.
  Pass(1);
  for (const Side::Silent& silent : follower.silent) {
    if (silent.group == Group(1)) {
      EXPECT_LT(silent.ticks, kSilence);
    }
  }
}

TEST_F(HeartbeatsTest, ALeaderThatStepsDownWhileItsShardBeatsWakesItsFollower) {
  BothQuiet(0);
  BothQuiet(1);
  Pass(kSilence);
  leader.beats->Update(Group(0), {});
  Pass(2 * kBeat);
  ASSERT_EQ(follower.silent.size(), 1u);
  EXPECT_EQ(follower.silent[0].group, Group(0));
  Pass(10 * kSilence);
  EXPECT_EQ(follower.silent.size(), 1u) << "the other group is still agreed";
  EXPECT_TRUE(leader.silent.empty());
}

TEST_F(HeartbeatsTest, AFollowerThatNeverAgreedMakesItsLeaderLoud) {
  BothQuiet(1);
  Pass(kSilence);
  Lead(0);  // Its last message was lost.
  Pass(2 * kBeat);
  ASSERT_EQ(leader.silent.size(), 1u);
  EXPECT_EQ(leader.silent[0].group, Group(0));
  EXPECT_TRUE(follower.silent.empty());
}

TEST_F(HeartbeatsTest, AnotherTermIsAnotherGroup) {
  BothQuiet(1);
  Lead(0, 3);
  Follow(0, 4);
  Pass(2 * kBeat);
  EXPECT_EQ(leader.silent.size(), 1u);
  EXPECT_EQ(follower.silent.size(), 1u);
}

TEST_F(HeartbeatsTest, ALeaderThatRestartsWithinAHeartbeatWakesItsFollowers) {
  BothQuiet(0);
  Pass(kSilence);
  leader.Start(12);  // Its replica of group 0 failed to open; that of 1 leads anew.
  Lead(1, 4);
  Follow(1, 4);
  Pass(kBeat);
  ASSERT_FALSE(follower.silent.empty());
  EXPECT_EQ(follower.silent[0].group, Group(0));
}

TEST_F(HeartbeatsTest, AFollowerThatRestartsWithinAHeartbeatIsFoundOut) {
  BothQuiet(0);
  Pass(kSilence);
  follower.Start(23);
  Pass(2 * kBeat);
  ASSERT_EQ(leader.silent.size(), 1u);
}

TEST_F(HeartbeatsTest, ABrokenConnectionWakesBothSides) {
  BothQuiet(0);
  Pass(kSilence);
  leader.beats->Forget(kFollower);
  follower.beats->Forget(kLeader);
  EXPECT_EQ(leader.silent.size(), 1u);
  EXPECT_EQ(follower.silent.size(), 1u);
  BothQuiet(0);  // And they may agree again, with the same processes.
  Pass(10 * kSilence);
  EXPECT_EQ(leader.silent.size(), 1u);
  EXPECT_EQ(follower.silent.size(), 1u);
}

TEST_F(HeartbeatsTest, OldHeartbeatsSayNothingOfNow) {
  BothQuiet(0);
  for (std::uint32_t i = 0; i < kBeat; ++i) leader.beats->Tick();
  const Wire::Letter old = wire.letters.front();
  DeliverAll();
  for (std::uint32_t i = 0; i < kSilence; ++i) {
    follower.beats->Tick();
    Deliver(old);
    wire.letters.clear();
  }
  EXPECT_EQ(follower.silent.size(), 1u);
}

TEST_F(HeartbeatsTest, OldRepliesSayNothingOfNow) {
  BothQuiet(0);
  for (std::uint32_t i = 0; i < kBeat; ++i) leader.beats->Tick();
  Deliver(wire.letters.front());
  const Wire::Letter old = wire.letters.back();
  ASSERT_TRUE(std::get<HeartbeatReply>(old.body).is_agreed);
  for (std::uint32_t i = 0; i < 3 * kSilence; ++i) {
    leader.beats->Tick();
    Deliver(old);
    wire.letters.clear();
  }
  EXPECT_EQ(leader.silent.size(), 1u);
}

TEST_F(HeartbeatsTest, LostFramesOnlyCostTime) {
  for (std::uint32_t partition = 0; partition < 8; ++partition) BothQuiet(partition);
  for (std::uint32_t i = 0; i < 20 * kSilence; ++i) {
    leader.beats->Tick();
    follower.beats->Tick();
    if (i % 3 != 0) wire.letters.clear();
    DeliverAll();
  }
  EXPECT_TRUE(leader.silent.empty());
  EXPECT_TRUE(follower.silent.empty());
}

}  // namespace
}  // namespace raftmq
