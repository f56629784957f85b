// Segments: each opens with a checkpoint that is a pure function of the log before it.
#include <gtest/gtest.h>

#include "tests/raftlog/group_world.h"

namespace raftmq {
namespace {

ByteSpan PayloadOf(const FakeDisk::Entry& entry) {
  return entry.frame.view().subspan(kBatchHeaderBytes,
                                    entry.header.producer.length - kBatchHeaderBytes);
}

std::vector<std::size_t> CheckpointsOf(const FakeDisk& disk) {
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i < disk.entries.size(); ++i) {
    if (disk.entries[i].header.producer.kind == EntryKind::kCheckpoint) at.push_back(i);
  }
  return at;
}

TEST(GroupRoll, EverySegmentOpensWithTheStateBeforeIt) {
  GroupWorld world;
  world.Start();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(world.Produce({std::string(500, 'x')}).has_value());
    if (i != 5) continue;
    ASSERT_TRUE(world.Trim(3).has_value());
  }
  const std::vector<std::size_t> at = CheckpointsOf(world.files);
  ASSERT_GT(at.size(), 2u);
  for (std::size_t i = 1; i < at.size(); ++i) {
    const ByteSpan payload = PayloadOf(world.files.entries[at[i]]);
    const Result<Checkpoint> checkpoint = DecodeCheckpoint({payload});
    ASSERT_TRUE(checkpoint.has_value());
    const FakeDisk::Entry& before = world.files.entries[at[i] - 1];
    EXPECT_EQ(checkpoint->before.index, before.header.leader.index);
    EXPECT_EQ(checkpoint->before.chain, before.header.header_hash);
    EXPECT_EQ(checkpoint->before.next_offset, before.header.end_offset());
    EXPECT_EQ(checkpoint->membership, world.files.membership);
    EXPECT_EQ(checkpoint->group_seed, world.files.group_seed);
    EXPECT_EQ(checkpoint->segment_bytes, world.files.segment_bytes);
    EXPECT_EQ(checkpoint->log_start,
              before.header.end_offset() > Offset(5) ? Offset(3) : Offset(0));
  }
  EXPECT_EQ(world.ReadFrom(3).size(), 17u);
}

TEST(GroupRoll, RollsWithinOneTurnWithoutWaitingForTheDisk) {
  GroupWorld world;
  world.Start();
  std::vector<std::shared_ptr<std::optional<Result<Proposed>>>> answers;
  for (int i = 0; i < 20; ++i)
    answers.push_back(world.Send(GroupWorld::Batch({std::string(500, 'x')})));
  world.group->TurnEnd();
  world.disk().RunRound();  // One job.
  for (const auto& answer : answers) EXPECT_TRUE(answer->has_value());
  EXPECT_GT(world.metrics.rolls.value(), 2u);
}

TEST(GroupRoll, ALogThatBeginsAtALaterSegmentStartsFromItsCheckpoint) {
  GroupWorld world;
  world.Start();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(world.Produce({std::string(500, 'x')}).has_value());
  ASSERT_TRUE(world.Trim(18).has_value());
  ASSERT_GT(world.files.first, Index(1));
  for (int i = 0; i < 3; ++i) world.Restart();
  EXPECT_EQ(world.group->status().log_start, Offset(18));
  EXPECT_EQ(world.group->status().end, Offset(20));
  EXPECT_EQ(world.Produce({"next"})->base_offset, Offset(20));
}

}  // namespace
}  // namespace raftmq
