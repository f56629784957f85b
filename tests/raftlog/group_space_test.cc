// A disk with little space left: what a group refuses, what goes on, and who leads meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMoreThanThereIs = std::uint64_t{1} << 60;

std::string Long() { return std::string(12'000, '.'); }

class GroupSpace : public ::testing::Test {
 protected:
  DiskSpace& space(std::uint32_t id) { return cluster_.node(id).space; }
  bool Leads(std::uint32_t id) { return cluster_.group(id).status().is_leader; }
  // The leader's timers for a transfer run out, once for each other replica.
  void WaitForTransfers(std::uint32_t leader) {
    for (int i = 0; i < 3 * GroupCluster::kElectionTicksMin; ++i) {
      cluster_.Tick(leader, 1);
      cluster_.Settle();
    }
  }
  GroupCluster cluster_;
};

TEST_F(GroupSpace, ALeaderBelowTheLowMarkRefusesMessagesOnly) {
  cluster_.Elect(1);
  ClusterNode& leader = cluster_.node(1);
  const auto stored = leader.Send(AnyGroupWorld::Numbered(0, "stored"));
  cluster_.Settle();
  ASSERT_TRUE((*stored)->has_value());
  space(1).is_low = true;
  space(1).free_bytes = 77;
  const Result<Proposed> refused = cluster_.Produce(1, "refused");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kDiskFull);
  EXPECT_THAT(refused.error().message, HasSubstr("77 free bytes"));
  EXPECT_THAT(refused.error().message, HasSubstr("storage.disk_low"));
  EXPECT_EQ(leader.metrics.refused_disk_full.value(), 1u);
  // What is stored already is told so.
  const auto again = leader.Send(AnyGroupWorld::Numbered(0, "stored"));
  cluster_.Settle();
  EXPECT_EQ((*again)->value().base_offset, (*stored)->value().base_offset);
  const auto opened = leader.SendOpening(10, 1);
  std::optional<Result<Offset>> trimmed;
  leader.group->Trim(Offset(1), [&](Result<Offset> start) { trimmed = start; });
  cluster_.Settle();
  EXPECT_TRUE((*opened)->has_value());
  EXPECT_EQ(trimmed->value(), Offset(1));
  space(1).is_low = false;
  EXPECT_EQ(cluster_.Produce(1, "taken")->base_offset, Offset(1));
}

TEST_F(GroupSpace, ALeaderBelowTheLowMarkHandsOverToAReplicaThatIsNot) {
  cluster_.Elect(1);
  space(1).is_low = true;
  space(2).is_low = true;
  WaitForTransfers(1);
  EXPECT_TRUE(Leads(3));
  EXPECT_TRUE(cluster_.Produce(3, "taken").has_value());
}

TEST_F(GroupSpace, WhereAllAreBelowTheLowMarkTheLeaderLeadsOnAndAnotherCanBeElected) {
  cluster_.Elect(1);
  for (std::uint32_t id = 1; id <= 3; ++id) space(id).is_low = true;
  WaitForTransfers(1);
  EXPECT_TRUE(Leads(1));
  EXPECT_EQ(cluster_.Produce(1, "refused").error().code, ErrorCode::kDiskFull);
  cluster_.PowerCut(1);
  cluster_.Elect(2);
  EXPECT_EQ(cluster_.Produce(2, "refused").error().code, ErrorCode::kDiskFull);
}

TEST_F(GroupSpace, AFollowerBelowTheCriticalMarkStandsStillUntilThereIsSpace) {
  cluster_.Elect(1);
  space(3).kept_bytes = kMoreThanThereIs;
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(cluster_.Produce(1, Long()).has_value());
  cluster_.Heartbeat(1);
  const Index stood = cluster_.group(3).status().durable;
  EXPECT_LT(stood, cluster_.group(1).status().commit);
  space(3).kept_bytes = 0;
  for (int i = 0; i < 5; ++i) {
    cluster_.Tick(3, 1);
    cluster_.Heartbeat(1);
  }
  EXPECT_EQ(cluster_.group(3).status().durable, cluster_.group(1).status().last);
}

TEST_F(GroupSpace, ALeaderBelowTheCriticalMarkFillsItsSegmentAndNoOther) {
  cluster_.Elect(1);
  const std::uint32_t segments = cluster_.group(1).status().segments;
  space(1).kept_bytes = kMoreThanThereIs;
  Result<Proposed> last = cluster_.Produce(1, Long());
  for (int i = 0; i < 60 && last; ++i) last = cluster_.Produce(1, Long());
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code, ErrorCode::kDiskFull);
  EXPECT_EQ(cluster_.group(1).status().segments, segments);
  space(1).kept_bytes = 0;
  cluster_.Tick(1, 1);
  cluster_.Settle();
  EXPECT_TRUE(cluster_.Produce(1, Long()).has_value());
}

}  // namespace
}  // namespace raftmq
