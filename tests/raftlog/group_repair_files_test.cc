// Repairs of replicas whose files became shorter, empty or damaged as a whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <iterator>
#include <string>
#include <variant>
#include <vector>

#include "segment/segment_name.h"
#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

// One leads on; whoever is damaged gets no copies, for its questions are lost.
void RunWithoutCopies(GroupCluster& cluster, std::uint32_t leader, std::uint32_t nodes) {
  for (int i = 0; i < 30; ++i) {
    std::erase_if(cluster.mail(), [](const PeerMessage& message) {
      return std::holds_alternative<RepairRequest>(message.body);
    });
    cluster.DeliverAll();
    for (std::uint32_t id = 1; id <= nodes; ++id) {
      cluster.Tick(id, id == leader ? GroupCluster::kHeartbeatTicks : 0);
      cluster.group(id).TurnEnd();
      cluster.RunDisk(id);
    }
  }
}

// The lost questions are asked again.
void RunWithCopies(GroupCluster& cluster, std::uint32_t leader, std::uint32_t to) {
  for (int i = 0; i < 3; ++i) {
    cluster.node(to).clock.Advance(std::chrono::seconds(2));
    cluster.Tick(to, 1);
    cluster.Heartbeat(leader);
  }
  cluster.node(to).Crash();
  cluster.Start(to);
  cluster.Heartbeat(leader);
}

// Its file is cut `room` bytes behind the page where its entries end, and its checkpoint, which
// says how long it was, is damaged too: what a leader sends may not fit before that is repaired.
class GroupRepairOfAShortFile : public ::testing::Test {
 protected:
  void Produce() {
    ASSERT_TRUE(cluster_.Produce(1, Long(0)).has_value());
    cluster_.Heartbeat(1);
    ++produced_;
  }
  void CutFile(std::uint64_t room) {
    cluster_.Elect(1);
    while (node_.Segments().size() < 3) Produce();
    Produce();  // Tells that the third segment's checkpoint is committed.
    Produce();
    const auto [name, content] = *std::prev(node_.Segments().end());
    node_.DamageEntry(ParseSegmentLogFile(name)->first);
    node_.Crash();
    std::vector<std::byte> kept(AlignUp(content.find_last_not_of('\0') + 1, kPageBytes) + room);
    const std::string path = "/p/" + name;
    ASSERT_TRUE((*node_.files->Open(path, OpenMode::kRead))->Read(0, kept).has_value());
    ASSERT_TRUE(node_.files->Remove(path).has_value());
    ASSERT_TRUE((*node_.files->Open(path, OpenMode::kCreate))->Write(0, kept).has_value());
    cluster_.Start(3);
    ASSERT_THAT(cluster_.group(3).damage(), SizeIs(1));
  }

  GroupCluster cluster_{{.nodes = 5}};
  ClusterNode& node_ = cluster_.node(3);
  std::size_t produced_ = 0;
};

TEST_F(GroupRepairOfAShortFile, TakesOnlyWhatFitsUntilThen) {
  CutFile(0);
  for (int i = 0; i < 3; ++i, ++produced_) cluster_.node(1).Send(AnyGroupWorld::Batch({Long(i)}));
  RunWithoutCopies(cluster_, 1, 5);
  EXPECT_EQ(cluster_.group(1).status().commit, cluster_.group(1).status().last);
  EXPECT_LT(cluster_.group(3).status().last, cluster_.group(1).status().last);
  EXPECT_GT(node_.metrics.appends_cut_short.value(), 0u);
  RunWithCopies(cluster_, 1, 3);
  EXPECT_TRUE(cluster_.group(3).damage().empty());
  EXPECT_EQ(node_.ReadFrom(0).size(), produced_);
}

// Found by the simulator: a new leader's entries take the place of uncommitted ones, and need more
// room than these.
TEST_F(GroupRepairOfAShortFile, TakesOnlyWhatFitsBehindACut) {
  CutFile(2 * kPageBytes);
  for (const std::uint32_t id : {2u, 4u, 5u}) cluster_.Isolate(id);
  for (int i = 0; i < 2; ++i) cluster_.node(1).Send(AnyGroupWorld::Batch({"only two have it"}));
  RunWithoutCopies(cluster_, 1, 5);
  ASSERT_EQ(cluster_.group(3).status().last, cluster_.group(1).status().last);
  ASSERT_LT(cluster_.group(1).status().commit, cluster_.group(1).status().last);
  cluster_.Heal();
  cluster_.Isolate(1);
  cluster_.Isolate(3);
  cluster_.Win(2);
  cluster_.node(2).Send(AnyGroupWorld::Batch({Long(1)}));
  ++produced_;
  RunWithoutCopies(cluster_, 2, 5);
  cluster_.Heal();
  cluster_.Isolate(1);
  RunWithoutCopies(cluster_, 2, 5);
  EXPECT_EQ(cluster_.group(2).status().commit, cluster_.group(2).status().last);
  EXPECT_LT(cluster_.group(3).status().last, cluster_.group(2).status().last);
  EXPECT_GT(node_.metrics.appends_cut_short.value(), 0u);
  RunWithCopies(cluster_, 2, 3);
  EXPECT_TRUE(cluster_.group(3).damage().empty());
  EXPECT_EQ(node_.ReadFrom(0).size(), produced_);
}

// All that stood in its newest segment is damaged, so that the leader's entries may replace it: its
// checkpoint needs another file.
TEST(GroupRepairOfAWholeSegment, WaitsForAFileWhereTheLeadersEntriesTakeItsPlace) {
  GroupCluster cluster{{.cache_bytes = 0}};
  cluster.Elect(1);
  ClusterNode& node = cluster.node(3);
  std::size_t produced = 0;
  for (; node.Segments().size() < 3; ++produced) {
    ASSERT_TRUE(cluster.Produce(1, Long(0)).has_value());
    cluster.Heartbeat(1);
  }
  for (int i = 0; i < 5; ++i) {  // It marks what it has.
    node.clock.Advance(std::chrono::seconds(10));
    cluster.Tick(3, 1);
    cluster.Heartbeat(1);
  }
  const Index first = ParseSegmentLogFile(std::prev(node.Segments().end())->first)->first;
  const Index last = cluster.group(3).status().last;
  for (Index index = first; index <= last; index = index.Next()) node.DamageEntry(index);
  node.Crash();
  cluster.Start(3);
  ASSERT_THAT(cluster.group(3).damage(), SizeIs(1));
  ASSERT_EQ(cluster.group(3).damage().front().last, last);
  RunWithoutCopies(cluster, 1, 3);
  cluster.Heartbeat(1);
  EXPECT_EQ(cluster.group(3).status().last, cluster.group(1).status().last);
  EXPECT_EQ(node.ReadFrom(0).size(), produced);
}

// Two segment files in a row have lost their content: a file system check cut them to nothing.
class GroupRepairOfEmptyFiles : public ::testing::TestWithParam<int> {};

TEST_P(GroupRepairOfEmptyFiles, TwoInARowAreFilledAgain) {
  GroupCluster cluster{{.cache_bytes = 0}};
  cluster.Elect(1);
  for (int i = 0; i < 130; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  cluster.Heartbeat(1);
  const auto segments = cluster.node(2).Segments();
  ASSERT_GE(segments.size(), 6u);
  cluster.node(2).Crash();
  auto each = std::next(segments.begin(), GetParam());
  for (int i = 0; i < 2 && each != segments.end(); ++i, ++each) {
    const std::string path = "/p/" + each->first;
    ASSERT_TRUE(cluster.node(2).files->Remove(path).has_value());
    ASSERT_TRUE(cluster.node(2).files->Open(path, OpenMode::kCreate).has_value());
  }
  cluster.Start(2);
  cluster.Heartbeat(1);
  for (int i = 0; i < 20; ++i) {
    for (const std::uint32_t id : {1u, 2u, 3u}) {
      cluster.node(id).clock.Advance(std::chrono::seconds(1));
      if (id != 1) cluster.Tick(id, 1);
    }
    cluster.Heartbeat(1);
  }
  EXPECT_THAT(cluster.group(2).damage(), IsEmpty());
  EXPECT_EQ(cluster.node(2).ReadFrom(0).size(), 130u);
}

INSTANTIATE_TEST_SUITE_P(Pairs, GroupRepairOfEmptyFiles, ::testing::Range(0, 7));

}  // namespace
}  // namespace raftmq
