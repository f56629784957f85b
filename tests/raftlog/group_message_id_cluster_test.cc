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
  static constexpr std::int64_t kWindowMs = 10'000;

  GroupMessageIdCluster() { SetIdsMax(150'000); }
  // Node 1 leads.
  void SetIdsMax(std::size_t ids_max) {
    for (std::uint32_t id = 1; id <= 3; ++id) {
      cluster_.PowerCut(id);
      cluster_.node(id).options.message_id_window_ms = kWindowMs;
      cluster_.node(id).options.message_ids_max = ids_max;
    }
    cluster_.StartAll();
    cluster_.Elect(1);
  }
  auto SendLong(std::uint32_t leader) {
    return cluster_.node(leader).Send(AnyGroupWorld::Batch({std::string(12'000, '.')}));
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
  SetIdsMax(1);
  ASSERT_TRUE(Produce(1, WithId("x", "a")).has_value());
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

// With the ids dropped, node 1 asks what a roll behind its last entry needs. That history is lost,
// and the ids are back when its log ends at the same index again: the checkpoint is long now.
TEST_F(GroupMessageIdCluster, ARollCountsTheIdsThatATruncationBroughtBack) {
  for (int i = 0; i < 9'000; ++i) {
    cluster_.node(1).Send(WithId(std::to_string(i), "a"));
    if (i % 500 == 0) cluster_.Heartbeat(1);
  }
  for (int i = 0; i < 5; ++i) cluster_.Heartbeat(1);
  cluster_.Isolate(1);
  const std::int64_t now_ms = cluster_.node(1).clock.WallNowMs();
  cluster_.node(1).clock.Advance(Milliseconds(3 * kWindowMs));
  cluster_.node(1).Send(AnyGroupWorld::Batch({"later"}));
  cluster_.Tick(1, 1);
  cluster_.node(1).clock.SetWallMs(now_ms);
  Index full;
  while (cluster_.group(1).status().last != full) {
    full = cluster_.group(1).status().last;
    SendLong(1);
    cluster_.RunDisk(1);
  }
  cluster_.RunDisk(1);  // The next segment is there, for a short checkpoint.
  cluster_.Elect(2);
  cluster_.Heal();
  for (int i = 0; i < 5; ++i) cluster_.Heartbeat(2);
  cluster_.Elect(1);
  ASSERT_EQ(cluster_.node(1).metrics.message_ids.value(), 9'000u);
  while (cluster_.group(1).status().last < full) {
    SendLong(1);
    cluster_.Settle();
  }
  ASSERT_EQ(cluster_.group(1).status().last, full);
  const auto next = SendLong(1);
  for (int i = 0; i < 3; ++i) cluster_.Heartbeat(1);
  ASSERT_TRUE(next->has_value());
  EXPECT_TRUE((*next)->has_value()) << (*next)->error().ToString();
}

}  // namespace
}  // namespace raftmq
