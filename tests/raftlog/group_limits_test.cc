// Bounds: pending bytes, a full disk, batches that are too large, draining.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_world.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;

ErrorCode CodeOf(const std::shared_ptr<std::optional<Result<Proposed>>>& answer) {
  if (!answer->has_value()) return ErrorCode::kOk;  // Not yet answered.
  return (*answer)->has_value() ? ErrorCode::kOk : (*answer)->error().code;
}

TEST(GroupLimits, PendingBytesAreBoundedAndOneBatchAlwaysGetsIn) {
  GroupWorld world;
  world.options.pending_bytes_max = 300;
  world.Start();
  const auto big = world.Send(GroupWorld::Batch({std::string(1000, 'x')}));
  EXPECT_EQ(CodeOf(big), ErrorCode::kOk);
  EXPECT_GT(world.metrics.pending_bytes.value(), 1000u);
  const auto refused = world.Send(GroupWorld::Batch({"a"}));
  EXPECT_EQ(CodeOf(refused), ErrorCode::kOverloaded);
  world.Settle();
  EXPECT_EQ(world.metrics.pending_bytes.value(), 0u);
  EXPECT_TRUE(world.Produce({"b"}).has_value());
}

TEST(GroupLimits, ABatchAboveTheTopicsLimitIsRefused) {
  GroupWorld world;
  world.Start();
  const Result<Proposed> result = world.Produce({std::string(3000, 'x')});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kBatchTooLarge);
}

TEST(GroupLimits, AFullDiskRefusesDataAndServiceResumesByItself) {
  GroupWorld world;
  world.Start();
  world.files.is_full = true;
  int written = 0;
  while (world.Produce({std::string(500, 'x')}).has_value()) ++written;
  EXPECT_GT(written, 0);
  const Result<Proposed> refused = world.Produce({std::string(500, 'x')});
  EXPECT_EQ(refused.error().code, ErrorCode::kDiskFull);
  EXPECT_GT(world.metrics.refused_disk_full.value(), 0u);
  // Reads go on.
  EXPECT_EQ(world.ReadFrom(0).size(), static_cast<std::size_t>(written));
  world.files.is_full = false;
  EXPECT_TRUE(world.Produce({"again"}).has_value());
}

TEST(GroupLimits, ATrimGoesThroughOnAFullDisk) {
  GroupWorld world;
  world.Start();
  world.files.is_full = true;
  while (world.Produce({std::string(500, 'x')}).has_value()) {
  }
  const Result<Offset> trimmed = world.Trim(3);
  ASSERT_TRUE(trimmed.has_value()) << trimmed.error().ToString();
  EXPECT_EQ(*trimmed, Offset(3));
}

// Until nothing fits any more, and then often.
void RestartOnAFullDisk(GroupWorld& world) {
  world.Start();
  world.files.is_full = true;
  while (world.Produce({std::string(500, 'x')}).has_value()) {
  }
  for (int i = 0; i < 20; ++i) {
    world.Crash();
    world.Open();
    world.group->Tick();
    world.Settle();
  }
}

TEST(GroupLimits, ManyRestartsOnAFullDiskEndInDiskFullNotInACrash) {
  GroupWorld world;
  RestartOnAFullDisk(world);
  EXPECT_FALSE(world.group->status().is_leader);
  EXPECT_EQ(world.Produce({"a"}).error().code, ErrorCode::kDiskFull);
  EXPECT_TRUE(world.Fetch(0).has_value());
}

TEST(GroupLimits, ServiceResumesThoughRestartsOnAFullDiskHaveUsedUpTheReserve) {
  GroupWorld world;
  RestartOnAFullDisk(world);
  ASSERT_FALSE(world.group->status().is_leader);
  const Index last = world.group->status().last;
  world.files.is_full = false;
  for (int i = 0; i < 3; ++i) {  // The next file is prepared, then a term begins.
    world.group->Tick();
    world.Settle();
  }
  EXPECT_TRUE(world.group->status().is_leader);
  EXPECT_EQ(world.group->status().commit, last.Next());  // The checkpoint, in place of a no-op.
  EXPECT_TRUE(world.Produce({"again"}).has_value());
}

TEST(GroupLimits, ProposalsWaitForTheNextSegmentsFile) {
  GroupWorld world;
  world.Start();
  world.files.is_prepared = false;
  std::vector<std::shared_ptr<std::optional<Result<Proposed>>>> answers;
  for (int i = 0; i < 10; ++i)
    answers.push_back(world.Send(GroupWorld::Batch({std::string(700, 'x')})));
  world.Settle();
  EXPECT_TRUE(answers.front()->has_value());
  EXPECT_FALSE(answers.back()->has_value());
  world.files.is_prepared = true;
  world.group->Tick();
  world.Settle();
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer->has_value());
    EXPECT_TRUE((*answer)->has_value());
  }
  // In the order in which they came.
  EXPECT_TRUE(std::is_sorted(answers.begin(), answers.end(), [](const auto& a, const auto& b) {
    return (**a)->base_offset < (**b)->base_offset;
  }));
}

TEST(GroupLimits, DrainAnswersWhatIsUnderWayThenCloses) {
  GroupWorld world;
  world.Start();
  const auto answer = world.Send(GroupWorld::Batch({"a"}));
  bool drained = false;
  world.group->Drain([&] { drained = true; });
  const auto late = world.Send(GroupWorld::Batch({"b"}));
  EXPECT_EQ(CodeOf(late), ErrorCode::kDraining);
  EXPECT_FALSE(drained);
  world.Settle();
  ASSERT_TRUE(answer->has_value());
  EXPECT_TRUE((*answer)->has_value());
  EXPECT_TRUE(drained);
  EXPECT_EQ(world.files.closed, 1u);
  EXPECT_EQ(world.group->status().end, Offset(1));
  EXPECT_EQ(world.Fetch(0).error().code, ErrorCode::kDraining);
  world.Restart();
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a"));
}

TEST(GroupLimits, DrainRefusesWhatWasHeldBack) {
  GroupWorld world;
  world.Start();
  world.files.is_prepared = false;
  std::shared_ptr<std::optional<Result<Proposed>>> last;
  for (int i = 0; i < 10; ++i) last = world.Send(GroupWorld::Batch({std::string(700, 'x')}));
  bool drained = false;
  world.group->Drain([&] { drained = true; });
  EXPECT_EQ(CodeOf(last), ErrorCode::kDraining);
  world.Settle();
  EXPECT_TRUE(drained);
}

TEST(GroupLimits, EveryCallerOfDrainIsCalledBack) {
  GroupWorld world;
  world.Start();
  int drained = 0;
  for (int i = 0; i < 2; ++i) world.group->Drain([&] { ++drained; });
  world.Settle();
  EXPECT_EQ(drained, 2);
  world.group->Drain([&] { ++drained; });
  EXPECT_EQ(drained, 3);
}

TEST(GroupLimits, DrainsCallbackMayDestroyTheGroup) {
  GroupWorld world;
  world.Start();
  world.group->Drain([&] { world.group.reset(); });
  while (!world.disk().idle()) world.disk().RunRound();
  EXPECT_EQ(world.group, nullptr);
}

}  // namespace
}  // namespace raftmq
