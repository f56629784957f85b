// What readers of a damaged replica are told: that no good copy is left only where that is known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <variant>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Replica kOne{NodeId(1), ReplicaNumber(1)};
constexpr Replica kTwo{NodeId(2), ReplicaNumber(2)};
constexpr Replica kTwoAnew{NodeId(2), ReplicaNumber(9)};
constexpr Replica kTwoLearns{NodeId(2), ReplicaNumber(9), false};

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

Index IndexOf(ClusterNode& node, std::uint64_t offset) {
  const Result<FetchSlice> slice = node.Fetch(offset, 1);
  return ParseBatchHeader(slice->batches.at(0).view())->leader.index;
}

// Node 1, once alone, and a node that has joined it.
class DamageOfAGroupThatHasGrown : public ::testing::Test {
 protected:
  DamageOfAGroupThatHasGrown() {
    cluster.Elect(1);
    Change({kOne, kTwo});
    Change({kOne});
    EXPECT_TRUE(cluster.Produce(1, "alone").has_value());
    cluster.Replace(2, kTwoAnew.number);
    before_growth = cluster.group(1).status().last;
  }
  void Change(const Membership& next) {
    std::optional<Result<Proposed>> answer;
    cluster.group(1).ChangeMembership(next, [&](Result<Proposed> to) { answer = to; });
    cluster.Settle();
    ASSERT_TRUE(answer && *answer);
    cluster.Heartbeat(1);
  }
  void Restart(std::uint32_t id) {
    cluster.node(id).Crash();
    cluster.Start(id);
  }
  // One round of disks, reads and messages.
  void Step() {
    cluster.Tick(1, 1);
    for (const std::uint32_t id : {1u, 2u}) {
      cluster.group(id).TurnEnd();
      cluster.RunDisk(id);
      cluster.node(id).work().RunAll();
      cluster.group(id).TurnEnd();
    }
    cluster.DeliverAll();
  }
  void LetRepair(std::uint32_t leader) {
    for (int i = 0; i < 10; ++i) {
      for (const std::uint32_t id : {1u, 2u}) {
        cluster.node(id).clock.Advance(std::chrono::seconds(1));
        if (id != leader) cluster.Tick(id, 1);
      }
      cluster.Heartbeat(leader);
    }
  }

  GroupCluster cluster{{.cache_bytes = 0}};
  Index before_growth;
};

// Found by the simulator: the entries by which the others joined were among the damaged ones, and
// a consumer was told that nobody has what they all had.
TEST_F(DamageOfAGroupThatHasGrown, IsNotCalledFinalByWhoCannotReadThatItHas) {
  Change({kOne, kTwoLearns});
  Change({kOne, kTwoAnew});
  ASSERT_TRUE(cluster.Produce(1, "of both").has_value());
  const Index last = cluster.group(1).status().last;
  for (const std::string value : {"tells", "of the commit"})
    ASSERT_TRUE(cluster.Produce(1, value).has_value());
  for (Index index = before_growth.Next(); index <= last; index = index.Next())
    cluster.node(1).DamageEntry(index);
  cluster.Isolate(2);
  Restart(1);
  ASSERT_THAT(cluster.group(1).damage(), SizeIs(1));
  ASSERT_THAT(cluster.group(1).membership(), ElementsAre(kOne)) << "by what can be read";
  const Result<FetchSlice> slice = cluster.node(1).Fetch(1);
  ASSERT_FALSE(slice.has_value());
  EXPECT_EQ(slice.error().code, ErrorCode::kNotYet) << slice.error().ToString();
  cluster.Heal();
  cluster.Elect(2);
  LetRepair(2);
  EXPECT_THAT(cluster.group(1).damage(), IsEmpty());
  EXPECT_THAT(cluster.node(1).ReadFrom(0),
              ElementsAre("alone", "of both", "tells", "of the commit"));
}

// A learner on its way reads of the members as they were.
TEST_F(DamageOfAGroupThatHasGrown, IsNotCalledFinalByWhoHasNotGotToItsOwnEntry) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  cluster.group(1).ChangeMembership({kOne, kTwoLearns}, [](const Result<Proposed>&) {});
  const auto has_some = [this] {
    const GroupStatus status = cluster.group(2).status();
    return status.segments > 3 && status.commit > before_growth.Next();
  };
  for (int i = 0; i < 1'000 && !has_some(); ++i) Step();
  cluster.Isolate(2);
  ASSERT_TRUE(has_some());
  ASSERT_THAT(cluster.group(2).membership(), ElementsAre(kOne));
  cluster.node(2).DamageEntry(before_growth);
  Restart(2);
  ASSERT_THAT(cluster.group(2).damage(), IsEmpty()) << "the opening begins behind it";
  const Result<FetchSlice> slice = cluster.node(2).Fetch(0);
  ASSERT_FALSE(slice.has_value());
  EXPECT_EQ(slice.error().code, ErrorCode::kNotYet) << slice.error().ToString();
  EXPECT_THAT(cluster.group(2).damage(), SizeIs(1));
}

// It lies in a segment that a lookup passes over by what is left in it.
TEST(DamageAnswers, ALookupWaitsWhileTheRecordThatItLooksForIsRepaired) {
  GroupCluster cluster{{.cache_bytes = 0}};
  cluster.Elect(1);
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  cluster.Heartbeat(1);
  ClusterNode& node = cluster.node(1);
  const std::string oldest = node.Segments().begin()->first;
  node.Crash();
  ASSERT_TRUE(node.files->Remove("/p/" + oldest).has_value());
  cluster.Start(1);
  ASSERT_THAT(cluster.group(1).damage(), SizeIs(1));
  const auto knows_commit = [&cluster] {
    const GroupStatus status = cluster.group(1).status();
    return status.is_leader && status.commit == status.last;
  };
  for (const std::uint32_t id : {2u, 3u}) cluster.Tick(id, GroupCluster::kElectionTicksMin);
  for (int i = 0; i < 6'000 && !knows_commit(); ++i) {
    cluster.Tick(1, 1);
    std::erase_if(cluster.mail(), [](const PeerMessage& message) {
      return std::holds_alternative<RepairRequest>(message.body);
    });
    cluster.DeliverAll();
    for (const std::uint32_t id : {1u, 2u, 3u}) {
      cluster.group(id).TurnEnd();
      cluster.RunDisk(id);
    }
  }
  ASSERT_TRUE(knows_commit());
  ASSERT_THAT(cluster.group(1).damage(), SizeIs(1));
  const Result<Group::OffsetAtTime> found = node.Find(1);
  ASSERT_FALSE(found.has_value()) << found->offset.value() << " instead of 0";
  EXPECT_EQ(found.error().code, ErrorCode::kNotYet) << found.error().ToString();
}

// What it meets nobody misses any more by then.
TEST(DamageAnswers, ALookupThatTheLogStartHasOvertakenIsTriedAgain) {
  GroupCluster cluster{{.cache_bytes = 0}};
  cluster.Elect(1);
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  cluster.Heartbeat(1);
  cluster.node(1).DamageEntry(IndexOf(cluster.node(1), 0));
  cluster.node(1).Crash();
  cluster.Start(1);
  cluster.Elect(1);
  ASSERT_THAT(cluster.group(1).damage(), IsEmpty()) << "nobody has met it yet";
  std::optional<Result<Group::OffsetAtTime>> answer;
  cluster.group(1).FindOffset(1, [&](Result<Group::OffsetAtTime> found) { answer = found; });
  cluster.group(1).Trim(Offset(3), [](const Result<Offset>&) {});
  for (int i = 0; i < 10; ++i) {  // All but its read.
    cluster.Tick(1, GroupCluster::kHeartbeatTicks);
    for (const std::uint32_t id : {1u, 2u, 3u}) {
      cluster.group(id).TurnEnd();
      cluster.RunDisk(id);
      cluster.group(id).TurnEnd();
    }
    cluster.DeliverAll();
  }
  ASSERT_EQ(cluster.group(1).status().log_start, Offset(3));
  ASSERT_FALSE(answer.has_value());
  cluster.node(1).work().RunAll();
  ASSERT_TRUE(answer.has_value());
  ASSERT_FALSE(answer->has_value());
  EXPECT_EQ(answer->error().code, ErrorCode::kNotYet) << answer->error().ToString();
  const Result<Group::OffsetAtTime> again = cluster.node(1).Find(1);
  ASSERT_TRUE(again.has_value()) << again.error().ToString();
  EXPECT_EQ(again->offset, Offset(3));
}

}  // namespace
}  // namespace raftmq
