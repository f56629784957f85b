// Damaged entries of which the others have no copy any more, since their logs begin behind them:
// the replica goes on without them, as soon as its own log may.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>

#include "segment/segment_name.h"
#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// Concatenates the beginnings of its commands.
struct Machine {
  std::string text;
};

void Attach(GroupCluster* cluster, std::uint32_t id, Machine* machine) {
  Group& group = cluster->group(id);
  group.SetCapture([machine] {
    ByteBuffer state(machine->text.size());
    std::memcpy(state.data(), machine->text.data(), state.size());
    return state;
  });
  group.SetRestore([machine](ByteSpan state) { machine->text = std::string(AsText(state)); });
  group.SetApply([machine](Index, ByteSpan payload) { machine->text += AsText(payload.first(4)); });
}

bool Say(GroupCluster* cluster, int number) {
  const std::string word = fmt::format("{:04}{}", number, std::string(14'000, '.'));
  const auto answer = cluster->node(1).Send(MakeControlEntry(EntryKind::kCommand, AsBytes(word)));
  cluster->Settle();
  return answer->has_value() && (*answer)->has_value();
}

// Found by the simulator: its log went on behind the checkpoint with which the other's begins, but
// it had been opened before that was known to be committed. It could not apply what it could not
// read, counted itself only up to there for ever, and the other could not commit without it.
TEST(GroupRemovedCopies, WhatAnOpeningPassedOverIsNotMissedBehindANewerCheckpoint) {
  GroupCluster cluster({.nodes = 2, .internal = true});
  Machine machines[2];
  Attach(&cluster, 1, &machines[0]);
  Attach(&cluster, 2, &machines[1]);
  cluster.Elect(1);
  int said = 0;
  while (cluster.group(1).status().segments < 2) ASSERT_TRUE(Say(&cluster, said++));
  cluster.Isolate(2);  // It has the checkpoint, and does not know that it is committed.
  Say(&cluster, said++);
  ASSERT_EQ(cluster.group(1).status().segments, 1u);
  cluster.node(2).Crash();
  cluster.node(2).files->Damage("/p/" + cluster.node(2).Segments().begin()->first, 20'000,
                                std::byte{1});
  machines[1] = {};
  cluster.Start(2);
  Attach(&cluster, 2, &machines[1]);
  ASSERT_THAT(cluster.group(2).damage(), SizeIs(1));
  ASSERT_EQ(cluster.group(2).status().segments, 2u);

  cluster.Heal();
  for (int i = 0; i < 5; ++i) {
    cluster.node(2).clock.Advance(std::chrono::seconds(1));
    cluster.Tick(2, 1);
    cluster.Heartbeat(1);
  }
  EXPECT_THAT(cluster.group(2).damage(), IsEmpty());
  EXPECT_EQ(cluster.group(2).status().segments, 1u);
  EXPECT_TRUE(Say(&cluster, said++));
  cluster.Heartbeat(1);
  EXPECT_EQ(machines[1].text, machines[0].text);
}

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

// Found by the simulator: the news that the log begins behind the damage lay in what the leader
// held back, since the follower did not count what it synced behind the damage.
TEST(GroupRemovedCopies, AFollowerIsFedFromTheFilesBehindItsDamage) {
  GroupCluster cluster({.cache_bytes = 0});
  cluster.Elect(1);
  int produced = 0;
  const auto produce = [&](int count) {
    for (const int end = produced + count; produced < end; ++produced)
      ASSERT_TRUE(cluster.Produce(1, Long(produced)).has_value());
    cluster.Heartbeat(1);
  };
  produce(60);
  cluster.node(2).Crash();
  cluster.node(2).files->Damage("/p/" + cluster.node(2).Segments().begin()->first, 20'000,
                                std::byte{1});
  cluster.Start(2);
  cluster.Heartbeat(1);
  cluster.Isolate(2);
  ASSERT_FALSE(cluster.node(2).Fetch(1).has_value());
  ASSERT_THAT(cluster.group(2).damage(), SizeIs(1));
  produce(60);
  cluster.group(1).Trim(Offset(30), [](const Result<Offset>&) {});
  produce(1);
  ASSERT_GT(cluster.node(1).Segments().begin()->first, cluster.node(2).Segments().begin()->first);

  cluster.Heal();
  for (int i = 0; i < 10; ++i) {
    cluster.node(2).clock.Advance(std::chrono::seconds(1));
    cluster.Tick(2, 1);
    cluster.Heartbeat(1);
  }
  EXPECT_EQ(cluster.group(2).status().commit, cluster.group(1).status().last);
  EXPECT_THAT(cluster.group(2).damage(), IsEmpty());
  EXPECT_EQ(cluster.node(2).metrics.resets.value(), 0u);
}

// Two missing files in a row are one damaged run; the others still have the second.
TEST(GroupRemovedCopies, WhatTheOthersHaveOfARunIsRepairedThoughTheyHaveRemovedItsBeginning) {
  GroupCluster cluster({.cache_bytes = 0});
  cluster.Elect(1);
  for (int i = 0; i < 80; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  cluster.Heartbeat(1);
  ClusterNode& node = cluster.node(3);
  const auto segments = node.Segments();
  ASSERT_GE(segments.size(), 4u);
  node.Crash();
  for (auto each = segments.begin(); each != std::next(segments.begin(), 2); ++each)
    ASSERT_TRUE(node.files->Remove("/p/" + each->first).has_value());
  cluster.group(1).Trim(ParseSegmentLogFile(std::next(segments.begin())->first)->first_offset,
                        [](const auto&) {});
  cluster.Settle();
  for (int i = 0; i < 3; ++i) cluster.Heartbeat(1);
  ASSERT_EQ(cluster.node(1).Segments().begin()->first, std::next(segments.begin())->first);
  cluster.Start(3);
  ASSERT_THAT(cluster.group(3).damage(), SizeIs(1));
  for (int i = 0; i < 30; ++i) {
    for (const std::uint32_t id : {1u, 2u, 3u})
      cluster.node(id).clock.Advance(std::chrono::milliseconds(500));
    for (const std::uint32_t id : {2u, 3u}) cluster.Tick(id, 1);
    cluster.Heartbeat(1);
  }
  node.Crash();
  cluster.Start(3);
  cluster.Heartbeat(1);
  for (int i = 0; i < 10; ++i) {
    node.clock.Advance(std::chrono::seconds(1));
    cluster.Tick(3, 1);
    cluster.Heartbeat(1);
  }
  EXPECT_THAT(cluster.group(3).damage(), IsEmpty());
  const std::uint64_t log_start = cluster.group(1).status().log_start.value();
  EXPECT_EQ(node.ReadFrom(log_start).size(), 80 - log_start);
}

}  // namespace
}  // namespace raftmq
