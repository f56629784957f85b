// Damage that nobody can repair is given up by an operator, and only that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>

#include "segment/segment_name.h"
#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kValues = 60;

std::string Long(std::size_t number) { return std::to_string(number) + std::string(12'000, '.'); }

// Some sealed segments, node 1 leads.
class LossWorld {
 public:
  explicit LossWorld(std::uint32_t nodes) : nodes_(nodes), cluster{MakeOptions(nodes)} {
    cluster.Elect(1);
    for (std::size_t i = 0; i < kValues; ++i) EXPECT_TRUE(cluster.Produce(1, Long(i)).has_value());
    cluster.Heartbeat(1);
    EXPECT_GE(cluster.node(1).Segments().size(), 3u);
  }

  // A record in the oldest or the newest segment of one node; the second one in it.
  void DamageOldest(std::uint32_t id) { Damage(id, cluster.node(id).Segments().begin()->first); }
  void DamageNewest(std::uint32_t id) {
    Damage(id, std::prev(cluster.node(id).Segments().end())->first);
  }
  Index IndexOf(std::uint64_t offset) {
    const Result<FetchSlice> slice = cluster.node(1).Fetch(offset, 1);
    return ParseBatchHeader(slice->batches.at(0).view())->leader.index;
  }
  // Questions, answers, disks, retention: as long as anything moves.
  void LetTimePass() {
    for (int i = 0; i < 10; ++i) {
      for (std::uint32_t id = 1; id <= nodes_; ++id) {
        cluster.node(id).clock.Advance(std::chrono::seconds(1));
        if (id != 1) cluster.Tick(id, 1);
      }
      cluster.Heartbeat(1);
    }
  }
  void RestartAll() {
    for (std::uint32_t id = 1; id <= nodes_; ++id) cluster.node(id).Crash();
    cluster.StartAll();
    for (std::uint32_t id = 1; id <= nodes_; ++id) cluster.Tick(id, 1);
    cluster.Settle();  // What they found damaged has been asked for before they vote.
    cluster.Elect(1);
    cluster.Heartbeat(1);
  }
  // Finds what is damaged, also where nobody may read any more.
  void Scrub(std::uint32_t id) {
    Group& group = cluster.group(id);
    const std::optional<SegmentScrub> segment = group.CheckSegment(Index(1));
    ASSERT_TRUE(segment.has_value());
    while (segment->check->Step(1u << 20)) {
    }
    ASSERT_THAT(segment->check->damage(), SizeIs(1));
    EXPECT_TRUE(group.TakeDamage(*segment));
  }
  Result<AcceptedLoss> AcceptLoss(std::uint64_t to) {
    std::optional<Result<AcceptedLoss>> answer;
    cluster.group(1).AcceptLoss(Offset(to), [&](Result<AcceptedLoss> loss) { answer = loss; });
    cluster.Settle();
    EXPECT_TRUE(answer.has_value()) << "no answer";
    return *answer;
  }
  // Of the first damage that a read meets; it is left to repair for a while.
  DamagedRange FindDamage(std::uint32_t id, std::uint64_t at) {
    EXPECT_FALSE(cluster.node(id).Fetch(at).has_value());
    LetTimePass();
    EXPECT_THAT(cluster.group(id).damage(), SizeIs(1));
    return cluster.group(id).damage().at(0);
  }

 private:
  static GroupClusterOptions MakeOptions(std::uint32_t nodes) {
    GroupClusterOptions options;
    options.nodes = nodes;
    options.cache_bytes = 0;
    return options;
  }
  void Damage(std::uint32_t id, const std::string& name) {
    cluster.node(id).files->Damage("/p/" + name, 20'000, std::byte{1});
    cluster.node(id).Crash();  // What is mapped already is in memory.
    cluster.Start(id);
    if (id == 1) cluster.Elect(1);
    cluster.Heartbeat(1);
  }

  const std::uint32_t nodes_;

 public:
  GroupCluster cluster;
};

// Of a run only that is lost which nobody has: here the second of three records that are damaged on
// node 1.
TEST(GroupLossOfAPart, LeavesWhatOthersHaveWhole) {
  LossWorld world(3);
  const Index second = world.IndexOf(2);
  for (const std::uint32_t id : {1u, 2u, 3u}) {
    ClusterNode& node = world.cluster.node(id);
    for (std::uint64_t i = 0; i < 3; ++i) {
      if (id == 1 || i == 1) node.DamageEntry(second.Minus(1).Plus(i));
    }
  }
  world.RestartAll();  // What is mapped already is in memory.
  for (const std::uint32_t id : {1u, 2u, 3u})
    EXPECT_FALSE(world.cluster.node(id).Fetch(2, 1).has_value());
  for (int i = 0; i < 3; ++i) world.LetTimePass();
  if (!world.cluster.group(1).status().is_leader) world.cluster.Elect(1);
  world.LetTimePass();
  for (const std::uint64_t offset : {1u, 3u})
    EXPECT_TRUE(world.cluster.node(1).Fetch(offset, 1).has_value()) << offset;
  const auto lost = world.cluster.node(1).Fetch(2, 1);
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().code, ErrorCode::kDataCorrupt);
  const auto accepted = world.AcceptLoss(3);
  ASSERT_TRUE(accepted.has_value()) << accepted.error().ToString();
  EXPECT_TRUE(world.cluster.node(1).Fetch(3, 1).has_value());
}

// All three replicas hold offset 1 damaged, and know it.
class GroupLoss : public ::testing::Test {
 protected:
  void DamageAll() {
    for (std::uint32_t id = 1; id <= 3; ++id) world.DamageOldest(id);
    for (std::uint32_t id = 1; id <= 3; ++id)
      EXPECT_FALSE(world.cluster.node(id).Fetch(1).has_value());
    world.LetTimePass();
    if (!world.cluster.group(1).status().is_leader) world.cluster.Elect(1);
    world.LetTimePass();
  }

  LossWorld world{3};
};

TEST_F(GroupLoss, MovesTheLogStartOnAllReplicasAndReadsGoOnThere) {
  DamageAll();
  EXPECT_EQ(world.cluster.node(1).Fetch(1).error().code, ErrorCode::kDataCorrupt);
  const Offset behind = world.cluster.group(1).damage().at(0).end_offset;
  const Result<AcceptedLoss> loss = world.AcceptLoss(behind.value());
  ASSERT_TRUE(loss.has_value()) << loss.error().ToString();
  EXPECT_EQ(loss->log_start, behind);
  EXPECT_GT(loss->files_end, behind);
  EXPECT_EQ(world.cluster.node(1).metrics.losses_accepted.value(), 1u);
  world.cluster.Heartbeat(1);
  world.RestartAll();
  for (std::uint32_t id = 1; id <= 3; ++id) {
    ClusterNode& node = world.cluster.node(id);
    EXPECT_EQ(node.group->status().log_start, behind) << "node " << id;
    EXPECT_EQ(node.Fetch(1).error().code, ErrorCode::kOffsetBelowStart) << "node " << id;
    EXPECT_THAT(node.ReadFrom(behind.value()), SizeIs(kValues - behind.value())) << "node " << id;
    EXPECT_THAT(node.group->damage(), IsEmpty()) << "node " << id;
  }
}

// Their damage does not count any more, so that a majority is enough again.
TEST_F(GroupLoss, AfterItTwoOfThreeCommitThoughTheThirdCannotBeAsked) {
  DamageAll();
  const Offset behind = world.cluster.group(1).damage().at(0).end_offset;
  ASSERT_TRUE(world.AcceptLoss(behind.value()).has_value());
  world.cluster.Heartbeat(1);
  world.RestartAll();
  world.cluster.Isolate(3);
  for (std::uint32_t id = 1; id <= 2; ++id) {
    world.Scrub(id);
    EXPECT_THAT(world.cluster.group(id).damage(), IsEmpty());
  }
  world.LetTimePass();
  EXPECT_TRUE(world.cluster.Produce(1, "on").has_value());
}

// Whether they meet it again by a check or by opening their logs.
TEST_F(GroupLoss, AfterItTwoOfThreeCommitThoughTheirStartsFoundTheDamage) {
  DamageAll();
  const Offset behind = world.cluster.group(1).damage().at(0).end_offset;
  ASSERT_TRUE(world.AcceptLoss(behind.value()).has_value());
  // All have it on their disks that the loss is committed.
  ASSERT_TRUE(world.cluster.Produce(1, "tells").has_value());
  world.cluster.Heartbeat(1);
  for (std::uint32_t id = 1; id <= 3; ++id) {
    ClusterNode& node = world.cluster.node(id);
    std::string name = node.Segments().begin()->first;
    name.replace(name.size() - 3, 3, "index");
    ASSERT_TRUE(node.files->Remove("/p/" + name).has_value()) << "else it is not looked at";
  }
  world.RestartAll();
  world.cluster.Isolate(3);
  world.LetTimePass();
  EXPECT_TRUE(world.cluster.Produce(1, "on").has_value());
}

// Nobody tells node 3 of the commit by which its damage counts no more: its own ack is what makes
// more known.
TEST_F(GroupLoss, WhatOthersHaveRemovedKeepsNobodyFromAcking) {
  GroupCluster& cluster = world.cluster;
  cluster.Isolate(3);
  std::optional<Result<Offset>> trimmed;
  const std::string second = std::next(cluster.node(1).Segments().begin())->first;
  cluster.group(1).Trim(ParseSegmentLogFile(second)->first_offset,
                        [&trimmed](Result<Offset> start) { trimmed = start; });
  cluster.Settle();
  ASSERT_TRUE(trimmed && trimmed->has_value());
  world.LetTimePass();
  ASSERT_EQ(cluster.node(1).Segments().begin()->first, second);
  const Index commit = cluster.group(3).status().commit;
  world.DamageOldest(3);
  world.Scrub(3);
  cluster.Heal();
  cluster.Isolate(2);
  const auto answer = cluster.node(1).Send(AnyGroupWorld::Batch({"waits for node 3"}));
  for (int i = 0; i < 50 && !answer->has_value(); ++i) {
    for (const std::uint32_t id : {1u, 3u}) {
      cluster.node(id).clock.Advance(std::chrono::milliseconds(300));
      cluster.Tick(id, id == 1 ? GroupCluster::kHeartbeatTicks : 1);
    }
    for (PeerMessage& message : cluster.mail()) {
      auto* const raft = std::get_if<RaftMessage>(&message.body);
      auto* const append = raft ? std::get_if<AppendRequest>(&raft->body) : nullptr;
      if (append) append->commit = std::min(append->commit, commit);
    }
    cluster.DeliverAll();
    for (const std::uint32_t id : {1u, 3u}) {
      cluster.group(id).TurnEnd();
      cluster.RunDisk(id);
      cluster.node(id).work().RunAll();
      cluster.group(id).TurnEnd();
    }
  }
  EXPECT_EQ(cluster.group(3).status().commit, commit);
  ASSERT_TRUE(answer->has_value());
  EXPECT_TRUE((*answer)->has_value());
}

TEST_F(GroupLoss, UpToTheEndOfTheFileLetsItGo) {
  DamageAll();
  const Offset behind = world.cluster.group(1).damage().at(0).end_offset;
  const std::string oldest = world.cluster.node(1).Segments().begin()->first;
  const Result<AcceptedLoss> part = world.AcceptLoss(behind.value());
  ASSERT_TRUE(part.has_value());
  world.LetTimePass();
  EXPECT_TRUE(world.cluster.node(1).Segments().contains(oldest));
  ASSERT_LT(part->log_start, part->files_end);
  std::optional<Result<Offset>> trimmed;
  world.cluster.group(1).Trim(part->files_end, [&](Result<Offset> start) { trimmed = start; });
  world.cluster.Settle();
  ASSERT_TRUE(trimmed && trimmed->has_value());
  world.LetTimePass();
  for (std::uint32_t id = 1; id <= 3; ++id)
    EXPECT_FALSE(world.cluster.node(id).Segments().contains(oldest)) << "node " << id;
}

TEST_F(GroupLoss, IsRefusedWhileAGoodCopyMayComeBack) {
  world.cluster.Isolate(3);
  world.DamageOldest(1);
  world.DamageOldest(2);
  EXPECT_FALSE(world.cluster.node(2).Fetch(1).has_value());
  const DamagedRange damage = world.FindDamage(1, 1);
  if (!world.cluster.group(1).status().is_leader) world.cluster.Elect(1);
  const Result<AcceptedLoss> loss = world.AcceptLoss(damage.end_offset.value());
  ASSERT_FALSE(loss.has_value());
  EXPECT_TRUE(loss.error().code == ErrorCode::kNotYet || loss.error().code == ErrorCode::kNotLeader)
      << loss.error().ToString();
  world.cluster.Heal();
  world.LetTimePass();
  if (!world.cluster.group(1).status().is_leader) world.cluster.Elect(1);
  world.LetTimePass();
  EXPECT_THAT(world.cluster.node(1).ReadFrom(0), SizeIs(kValues))
      << "it came, and all was repaired";
}

TEST_F(GroupLoss, IsRefusedOfGoodRecords) {
  const Result<AcceptedLoss> loss = world.AcceptLoss(5);
  ASSERT_FALSE(loss.has_value());
  EXPECT_EQ(loss.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(loss.error().message, HasSubstr("topic trim"));
  EXPECT_EQ(world.AcceptLoss(kValues + 1).error().code, ErrorCode::kOffsetBeyondEnd);
}

TEST(GroupLossOfOne, IsGivenUpAtOnceAndRepeatedWithoutHarm) {
  LossWorld world(1);
  world.DamageOldest(1);
  const DamagedRange damage = world.FindDamage(1, 1);
  EXPECT_EQ(world.AcceptLoss(damage.first_offset.value()).error().code,
            ErrorCode::kInvalidArgument);
  const std::uint64_t behind = damage.end_offset.value();
  ASSERT_TRUE(world.AcceptLoss(behind).has_value());
  const Index last = world.cluster.group(1).status().last;
  EXPECT_EQ(world.AcceptLoss(behind)->log_start, Offset(behind));
  EXPECT_EQ(world.cluster.group(1).status().last, last);
  EXPECT_THAT(world.cluster.node(1).ReadFrom(behind), SizeIs(kValues - behind));
}

TEST(GroupLossOfOne, InTheNewestSegmentIsSealedAndGoesWithItsFile) {
  LossWorld world(1);
  world.DamageNewest(1);
  ASSERT_THAT(world.cluster.group(1).damage(), SizeIs(1));
  const DamagedRange damage = world.cluster.group(1).damage()[0];
  EXPECT_EQ(world.cluster.node(1).Fetch(damage.first_offset.value()).error().code,
            ErrorCode::kDataCorrupt);
  const std::size_t files = world.cluster.node(1).Segments().size();
  const std::uint64_t behind = damage.end_offset.value();
  ASSERT_TRUE(world.AcceptLoss(behind).has_value());
  world.LetTimePass();
  const std::uint32_t segments = world.cluster.group(1).status().segments;
  world.RestartAll();
  world.LetTimePass();
  EXPECT_EQ(world.cluster.group(1).status().segments, segments)
      << "sealed once, not again and again";
  EXPECT_EQ(world.cluster.group(1).status().log_start, Offset(behind));
  EXPECT_TRUE(world.cluster.group(1).StateOfLog().has_value()) << "its state is known again";
  EXPECT_THAT(world.cluster.node(1).ReadFrom(behind), SizeIs(kValues - behind));
  EXPECT_LT(world.cluster.node(1).Segments().size(), files + 1) << "older files are gone";
}

// The index leads to the damage first.
TEST(GroupLossOfOne, LookupsByTimeFindTheFirstRecordThatIsLeft) {
  LossWorld world(1);
  world.DamageOldest(1);
  const DamagedRange damage = world.FindDamage(1, 1);
  ASSERT_TRUE(world.AcceptLoss(damage.end_offset.value()).has_value());
  const Result<Group::OffsetAtTime> found = world.cluster.node(1).Find(1);
  ASSERT_TRUE(found.has_value()) << found.error().ToString();
  EXPECT_EQ(found->offset, damage.end_offset);
}

}  // namespace
}  // namespace raftmq
