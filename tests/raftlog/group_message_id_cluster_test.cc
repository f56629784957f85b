// Message ids in a group of three: what a new leader knows of them, and what a deposed one says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_cluster.h"
#include "tests/raftlog/message_id_batches.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;

class GroupMessageIdCluster : public ::testing::Test {
 protected:
  static constexpr std::size_t kIdsMax = 2;

  GroupMessageIdCluster() {
    for (std::uint32_t id = 1; id <= 3; ++id) {
      cluster_.PowerCut(id);
      cluster_.node(id).options.message_id_window_ms = 10'000;
      cluster_.node(id).options.message_ids_max = kIdsMax;
    }
    cluster_.StartAll();
    cluster_.Elect(1);
  }
  Result<Proposed> Produce(std::uint32_t leader, ByteBuffer batch) {
    const auto answer = cluster_.node(leader).Send(std::move(batch));
    cluster_.Settle();
    if (!answer->has_value()) return Fail(ErrorCode::kTimeout, "no answer");
    return std::move(**answer);
  }

  GroupCluster cluster_;
};

TEST_F(GroupMessageIdCluster, AFollowerThatBecomesLeaderKnowsTheIds) {
  ASSERT_TRUE(Produce(1, WithId("x", "a")).has_value());
  cluster_.PowerCut(1);
  cluster_.Elect(2);
  const Result<Proposed> again = Produce(2, WithId("x", "a", At(0)));
  ASSERT_TRUE(again.has_value()) << again.error().ToString();
  EXPECT_TRUE(again->is_duplicate);
  EXPECT_EQ(again->base_offset, Offset(0));
}

// The entry that says so is lost with its leader, and with it what the session had gained.
TEST_F(GroupMessageIdCluster, ARepeatThatIsLostWithItsLeaderMayBeSentAgain) {
  ASSERT_TRUE(Produce(1, WithId("x", "a")).has_value());
  cluster_.Isolate(1);
  const auto lost = cluster_.node(1).Send(WithId("x", "a", At(0)));
  const auto new_one = cluster_.node(1).Send(WithId("y", "b"));
  const auto joined = cluster_.node(1).Send(WithId("y", "b"));
  cluster_.Settle();
  cluster_.Elect(2);
  ASSERT_TRUE(cluster_.Produce(2, "other").has_value());
  cluster_.Heal();
  cluster_.Heartbeat(2);
  for (const auto& answer : {lost, new_one, joined}) {
    ASSERT_TRUE(answer->has_value());
    EXPECT_EQ((*answer)->error().code, ErrorCode::kDisconnected);
  }
  EXPECT_EQ(cluster_.node(1).metrics.sessions.value(), 0u);
  EXPECT_EQ(cluster_.node(1).metrics.message_ids.value(), 1u);
  EXPECT_TRUE(Produce(2, WithId("x", "a", At(0)))->is_duplicate);
  EXPECT_FALSE(Produce(2, WithId("y", "b"))->is_duplicate);
  EXPECT_THAT(cluster_.node(2).ReadFrom(0), ElementsAre("a", "other", "b"));
}

// Its successor may have forgotten ids that fill its own table.
TEST_F(GroupMessageIdCluster, ALeaderThatWasDeposedRefusesNoIdByItsFullTable) {
  for (std::size_t i = 0; i < kIdsMax; ++i)
    ASSERT_TRUE(Produce(1, WithId(std::to_string(i), "a")).has_value());
  cluster_.Isolate(1);
  cluster_.Elect(2);
  ASSERT_TRUE(cluster_.group(1).status().is_leader);
  const auto next = cluster_.node(1).Send(WithId("next", "b"));
  cluster_.Settle();
  EXPECT_FALSE(next->has_value());
  cluster_.Tick(1, 2 * GroupCluster::kElectionTicksMin);
  cluster_.Settle();
  ASSERT_TRUE(next->has_value());
  EXPECT_EQ((*next)->error().code, ErrorCode::kNotLeader);
}

}  // namespace
}  // namespace raftmq
