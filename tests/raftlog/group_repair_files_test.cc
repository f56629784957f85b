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

// Node 1 leads on; whoever is damaged gets no copies, for its questions are lost.
void RunWithoutCopies(GroupCluster& cluster) {
  for (int i = 0; i < 30; ++i) {
    std::erase_if(cluster.mail(), [](const PeerMessage& message) {
      return std::holds_alternative<RepairRequest>(message.body);
    });
    cluster.DeliverAll();
    for (const std::uint32_t id : {1u, 2u, 3u}) {
      cluster.Tick(id, id == 1 ? GroupCluster::kHeartbeatTicks : 0);
      cluster.group(id).TurnEnd();
      cluster.RunDisk(id);
    }
  }
}

// Its file was cut to the page where its entries end, and its checkpoint, which says how long it
// was, is damaged too: what the leader sends may not fit before that is repaired.
TEST(GroupRepairOfAShortFile, TakesOnlyWhatFitsUntilThen) {
  GroupCluster cluster{{.cache_bytes = 0}};
  cluster.Elect(1);
  ClusterNode& node = cluster.node(3);
  std::size_t produced = 0;
  const auto produce = [&cluster, &produced] {
    ASSERT_TRUE(cluster.Produce(1, Long(0)).has_value());
    cluster.Heartbeat(1);
    ++produced;
  };
  while (node.Segments().size() < 3) produce();
  produce();  // Tells that the third segment's checkpoint is committed.
  produce();
  const auto [name, content] = *std::prev(node.Segments().end());
  node.DamageEntry(ParseSegmentLogFile(name)->first);
  node.Crash();
  std::vector<std::byte> kept(AlignUp(content.find_last_not_of('\0') + 1, kPageBytes));
  ASSERT_TRUE((*node.files->Open("/p/" + name, OpenMode::kRead))->Read(0, kept).has_value());
  ASSERT_TRUE(node.files->Remove("/p/" + name).has_value());
  ASSERT_TRUE((*node.files->Open("/p/" + name, OpenMode::kCreate))->Write(0, kept).has_value());
  cluster.Start(3);
  ASSERT_THAT(cluster.group(3).damage(), SizeIs(1));
  for (int i = 0; i < 3; ++i, ++produced) cluster.node(1).Send(AnyGroupWorld::Batch({Long(i)}));
  RunWithoutCopies(cluster);
  EXPECT_EQ(cluster.group(1).status().commit, cluster.group(1).status().last);
  EXPECT_LT(cluster.group(3).status().last, cluster.group(1).status().last);
  EXPECT_GT(node.metrics.appends_cut_short.value(), 0u);
  for (int i = 0; i < 3; ++i) {  // The lost questions are asked again.
    node.clock.Advance(std::chrono::seconds(2));
    cluster.Tick(3, 1);
    cluster.Heartbeat(1);
  }
  node.Crash();
  cluster.Start(3);
  cluster.Heartbeat(1);
  EXPECT_TRUE(cluster.group(3).damage().empty());
  EXPECT_EQ(node.ReadFrom(0).size(), produced);
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
  RunWithoutCopies(cluster);
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
