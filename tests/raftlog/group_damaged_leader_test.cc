// Leaders whose own log is damaged: what they may say of it, and how they get rid of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <iterator>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

void RemoveIndexOf(ClusterNode& node, const std::string& segment) {
  const auto entries = node.files->List("/p");
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.starts_with(segment) || entry.name.ends_with(".log")) continue;
    EXPECT_TRUE(node.files->Remove("/p/" + entry.name)) << entry.name;
  }
}

class DamagedEntries : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  // Without node 2.
  void Turn(int ticks) {
    cluster_.DeliverAll();
    for (const std::uint32_t id : {1u, 3u}) {
      cluster_.Tick(id, ticks);
      cluster_.group(id).TurnEnd();
      cluster_.RunDisk(id);
    }
  }
  GroupCluster cluster_{{.cache_bytes = 0}};
};

// Node 3 has the first entries of term 2 damaged in a sealed segment without an index file, so it
// guesses that they are of term 1. Node 1 has others there, of term 1, never committed.
TEST_P(DamagedEntries, AreNothingThatALeaderAgreesWithAFollowerOn) {
  cluster_.Elect(1);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster_.Produce(1, "good").has_value());
  cluster_.Heartbeat(1);
  cluster_.Isolate(1);
  const auto lost = cluster_.node(1).Send(AnyGroupWorld::Batch({"never committed"}));
  const auto lost_too = cluster_.node(1).Send(AnyGroupWorld::Batch({"never committed either"}));
  cluster_.Settle();
  const Index first = cluster_.group(1).status().last.Minus(1);
  cluster_.Elect(2);
  ASSERT_TRUE(cluster_.Produce(2, "acked").has_value());
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(cluster_.Produce(2, Long(i)).has_value());
  cluster_.Heartbeat(2);
  const auto acked = cluster_.node(3).Fetch(10, 1);
  ASSERT_TRUE(acked.has_value());

  cluster_.node(2).Crash();
  std::string segment;
  for (std::uint64_t i = 0; i < GetParam(); ++i)
    segment = cluster_.node(3).DamageEntry(first.Plus(i));
  RemoveIndexOf(cluster_.node(3), segment);
  cluster_.node(3).Crash();
  cluster_.Start(3);
  ASSERT_THAT(cluster_.group(3).damage(), SizeIs(1));
  cluster_.Heal();
  cluster_.Tick(1, 20);  // It hears no majority, and leads no more.
  for (int i = 0; i < 6'000 && !cluster_.group(3).status().is_leader; ++i) {
    cluster_.Tick(3, 1);
    if (!cluster_.mail().empty()) Turn(0);
  }
  ASSERT_TRUE(cluster_.group(3).status().is_leader);
  for (int i = 0; i < 60; ++i) {
    Turn(i % 5 == 0 ? 1 : 0);
    cluster_.node(3).work().RunAll();
    if (cluster_.group(1).status().commit < first) continue;
    const auto read = cluster_.node(1).Fetch(10, 1);
    if (!read || read->batches.empty()) continue;
    EXPECT_EQ(std::memcmp(read->batches[0].data(), acked->batches[0].data(), 128), 0)
        << "node 1 serves what was never committed";
  }
  cluster_.Settle();
}

INSTANTIATE_TEST_SUITE_P(Count, DamagedEntries, ::testing::Values(1, 3));

// All it knows is where the last whole entry before the damage ends, which others have long left
// behind.
TEST(DamagedFollower, WhoseCommitLiesWithinItsDamageDoesNotSayWhereItEnds) {
  GroupCluster cluster{{.cache_bytes = 0}};
  cluster.Elect(1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(cluster.Produce(1, "good").has_value());
  cluster.Heartbeat(1);
  cluster.Isolate(2);
  const auto turn = [&cluster] {
    cluster.DeliverAll();
    for (const std::uint32_t id : {1u, 3u}) {
      cluster.group(id).TurnEnd();
      cluster.RunDisk(id);
    }
  };
  const auto first = cluster.node(1).Send(AnyGroupWorld::Batch({"not acked"}));
  const auto second = cluster.node(1).Send(AnyGroupWorld::Batch({"not acked either"}));
  turn();
  turn();
  cluster.mail().clear();
  const Index commit = cluster.group(1).status().commit;
  ASSERT_EQ(cluster.group(3).status().durable, commit.Plus(2));
  cluster.node(3).DamageEntry(commit);
  cluster.node(3).DamageEntry(commit.Next());
  cluster.node(3).Crash();
  cluster.Start(3);
  ASSERT_THAT(cluster.group(3).damage(), SizeIs(1));
  ASSERT_EQ(cluster.group(3).status().commit, commit);

  std::optional<Result<Offset>> end;
  for (int i = 0; i < 30 && cluster.group(3).status().leader != NodeId(1); ++i) {
    cluster.Tick(1, 1);
    turn();
  }
  cluster.group(3).ReadIndex([&end](Result<Offset> found) { end = found; });
  for (int i = 0; i < 30; ++i) {  // Nobody reads from a disk meanwhile, so nothing is repaired.
    cluster.Tick(1, 1);
    turn();
  }
  EXPECT_EQ(cluster.group(3).status().commit, commit);
  EXPECT_FALSE(end.has_value()) << (*end)->value() << " instead of 3";
  cluster.Heal();
  cluster.Heartbeat(1);
  ASSERT_TRUE(end && end->has_value());
  EXPECT_GE(**end, Offset(3));
}

// Node 3 is away, node 2 takes no leadership: its disk is nearly full. What waits for its commit at
// node 1 would wait for the opening of the log, and the other way round.
TEST(DamagedLeader, ThatNobodyRelievesOpensItsLogAllTheSame) {
  GroupCluster cluster{{.cache_bytes = 0}};
  cluster.Elect(1);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  cluster.Heartbeat(1);
  cluster.Isolate(3);
  cluster.node(2).space.is_low = true;
  const std::string active = std::prev(cluster.node(1).Segments().end())->first;
  auto scrub = cluster.group(1).CheckSegment(cluster.group(1).status().last);
  ASSERT_TRUE(scrub.has_value());
  cluster.node(1).files->Damage("/p/" + active, 20'000, std::byte{1});
  while (scrub->check->Step(1u << 20)) {
  }
  ASSERT_TRUE(cluster.group(1).TakeDamage(*scrub));
  cluster.group(1).Tick();  // The core knows, a question is on its way.
  const auto answer = cluster.node(1).Send(AnyGroupWorld::Batch({"waits"}));
  for (int i = 0; i < 3'000; ++i) {
    for (const std::uint32_t id : {1u, 2u}) {
      cluster.node(id).clock.Advance(std::chrono::milliseconds(20));
      cluster.Tick(id, 1);
    }
    cluster.Settle();
  }
  EXPECT_TRUE(answer->has_value()) << "whoever has sent it waits for ever";
  EXPECT_FALSE(cluster.group(1).status().needs_reopening);
  EXPECT_THAT(cluster.group(1).damage(), IsEmpty());
  const Result<Proposed> more = cluster.Produce(1, "more");
  EXPECT_TRUE(more.has_value() || cluster.group(2).status().is_leader) << more.error().ToString();
}

// Found by the simulator: a leader that counts itself again commits what the other one has acked
// long ago, and its state and proposers were told with the next message only.
TEST(DamagedLeader, ThatIsRepairedTellsAtOnceWhatItCommitsByThat) {
  GroupCluster cluster{{.cache_bytes = 0}};
  cluster.Elect(1);
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  cluster.Heartbeat(1);
  cluster.Isolate(3);
  const std::string oldest = cluster.node(1).Segments().begin()->first;
  auto scrub = cluster.group(1).CheckSegment(Index(1));
  ASSERT_TRUE(scrub.has_value());
  cluster.node(1).files->Damage("/p/" + oldest, 20'000, std::byte{1});
  while (scrub->check->Step(1u << 20)) {
  }
  ASSERT_TRUE(cluster.group(1).TakeDamage(*scrub));
  cluster.group(1).Tick();  // The core knows, a question is on its way.
  const auto is_repair = [](const PeerMessage& message) {
    return std::holds_alternative<RepairRequest>(message.body) ||
           std::holds_alternative<RepairReply>(message.body);
  };
  std::deque<PeerMessage> late;
  std::ranges::copy_if(cluster.mail(), std::back_inserter(late), is_repair);
  std::erase_if(cluster.mail(), is_repair);
  const auto answer = cluster.node(1).Send(AnyGroupWorld::Batch({"waits"}));
  cluster.group(1).Trim(Offset(10), [](const Result<Offset>&) {});
  cluster.Settle();
  ASSERT_FALSE(answer->has_value()) << "it must not count itself";
  ASSERT_EQ(cluster.group(1).status().log_start, Offset(0));

  for (cluster.mail() = late; !cluster.mail().empty();) {
    cluster.DeliverAll();
    cluster.node(2).Settle();
    cluster.node(1).Settle();
    std::erase_if(cluster.mail(), std::not_fn(is_repair));
  }
  ASSERT_THAT(cluster.group(1).damage(), IsEmpty());
  const GroupStatus status = cluster.group(1).status();
  EXPECT_EQ(status.commit, status.last);
  EXPECT_TRUE(answer->has_value());
  EXPECT_EQ(status.log_start, Offset(10));
}

// It would answer their heartbeats, and keep them from electing another, for ever.
TEST(DamagedLeader, GivesUpWhatNobodyElseHasAndItCannotRead) {
  GroupCluster cluster{{.cache_bytes = 0}};
  cluster.Elect(1);
  ASSERT_TRUE(cluster.Produce(1, "all have it").has_value());
  cluster.Heartbeat(1);
  for (const std::uint32_t id : {2u, 3u}) cluster.Isolate(id);
  ClusterNode& leader = cluster.node(1);
  for (int i = 0; i < 3; ++i) leader.Send(AnyGroupWorld::Batch({Long(i)}));
  cluster.Settle();
  const Index lost = leader.group->status().last.Minus(2);
  ASSERT_GT(lost, leader.group->status().commit);
  leader.OverwriteEntry(lost);
  const auto scrub = leader.group->CheckSegment(lost);
  ASSERT_TRUE(scrub.has_value());
  while (scrub->check->Step(1u << 20)) continue;
  ASSERT_TRUE(leader.group->TakeDamage(*scrub));
  ASSERT_THAT(leader.group->damage(), SizeIs(1));
  cluster.Heal();
  for (int i = 0; i < 100; ++i) {
    for (const std::uint32_t id : {1u, 2u, 3u}) {
      cluster.node(id).clock.Advance(std::chrono::milliseconds(100));
      cluster.Tick(id, 1);
    }
    cluster.Settle();
  }
  std::uint32_t leads = 0;
  for (const std::uint32_t id : {1u, 2u, 3u}) {
    if (cluster.group(id).status().is_leader) leads = id;
  }
  ASSERT_NE(leads, 0u);
  EXPECT_TRUE(cluster.Produce(leads, "goes on").has_value());
}

}  // namespace
}  // namespace raftmq
