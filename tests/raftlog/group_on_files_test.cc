// The group on the real log and real files: restart, roll, trim, damage, a process that dies at any
// step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "tests/raftlog/file_world.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;

std::string Value(int number) { return std::to_string(number) + std::string(12'000, '.'); }

void ProduceValues(FileWorld* world, int first, int count) {
  for (int i = first; i < first + count; ++i) {
    const Result<Proposed> proposed = world->Produce({Value(i)}, i);
    ASSERT_TRUE(proposed.has_value()) << proposed.error().ToString();
    ASSERT_EQ(proposed->base_offset.value(), static_cast<std::uint64_t>(i));
  }
}
void ExpectValues(FileWorld* world, int first, int end) {
  const std::vector<std::string> values = world->ReadFrom(static_cast<std::uint64_t>(first));
  ASSERT_EQ(values.size(), static_cast<std::size_t>(end - first));
  for (int i = first; i < end; ++i)
    EXPECT_EQ(values[static_cast<std::size_t>(i - first)], Value(i));
}

TEST(GroupOnFiles, RollsTrimsAndRestarts) {
  FileWorld world;
  world.Start();
  for (int i = 0; i < 4; ++i) {
    ProduceValues(&world, 10 * i, 10);
    world.Restart();
    ExpectValues(&world, 0, 10 * (i + 1));
  }
  const std::uint64_t bytes = world.group->status().size_bytes;
  ASSERT_TRUE(world.Trim(20).has_value());
  EXPECT_LT(world.group->status().size_bytes, bytes - 100'000);
  world.Restart();
  EXPECT_EQ(world.group->status().log_start, Offset(20));
  ExpectValues(&world, 20, 40);
  EXPECT_EQ(world.Find(35)->offset, Offset(35));
  EXPECT_EQ(world.Find(5)->offset, Offset(20));
}

TEST(GroupOnFiles, ACleanStopIsReadAgain) {
  FileWorld world;
  world.Start();
  ASSERT_TRUE(world.Produce({"a", "b"}).has_value());
  bool drained = false;
  world.group->Drain([&] { drained = true; });
  world.Settle();
  ASSERT_TRUE(drained);
  world.Restart();
  EXPECT_THAT(world.ReadFrom(0), ElementsAre("a", "b"));
}

void FlipBit(const std::string& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const int byte = file.get();
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 1));
  ASSERT_TRUE(file.good());
}

TEST(GroupOnFiles, AFlippedBitInAnOldSegmentIsNamedAndTheRestIsServed) {
  FileWorld world(0);
  world.Start();
  ProduceValues(&world, 0, 12);
  const auto entries = world.files.List(world.options.log.directory);
  const auto oldest = std::find_if(entries->begin(), entries->end(),
                                   [](const auto& entry) { return entry.name.ends_with(".log"); });
  ASSERT_NE(oldest, entries->end());
  FlipBit(world.options.log.directory + "/" + oldest->name, 30'000);
  const Result<FetchSlice> before = world.Fetch(0);
  ASSERT_TRUE(before.has_value()) << before.error().ToString();
  const std::uint64_t bad = before->next_offset.value();
  EXPECT_LT(bad, 4u);
  EXPECT_EQ(world.Fetch(bad).error().code, ErrorCode::kDataCorrupt);
  ASSERT_EQ(world.group->damage().size(), 1u);
  // The very next offset can be read, though the index leads to it through the damage.
  const Offset behind = world.group->damage()[0].end_offset;
  EXPECT_EQ(behind, Offset(bad + 1));
  ExpectValues(&world, static_cast<int>(behind.value()), 12);
  EXPECT_TRUE(world.Produce({"more"}).has_value());
}

TEST(GroupOnFiles, AProcessThatDiesAtAnyStepLosesNothingThatWasAcked) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    FileWorld world;
    world.options.log.fresh_page_per_job = seed % 2 == 0;
    world.Start();
    std::map<std::uint64_t, std::string> acked;
    int sent = 0;
    for (int step = 0; step < 120; ++step) {
      switch (random() % 8) {
        case 0:
        case 1: {
          const std::string value = Value(sent++);
          ByteBuffer batch = FileWorld::Batch({value}, sent);
          const std::size_t bytes = batch.size();
          world.group->Propose(std::move(batch), 0, bytes,
                               [&acked, value](Result<Proposed> proposed) {
                                 if (proposed) acked[proposed->base_offset.value()] = value;
                               });
          break;
        }
        case 2:
          world.group->TurnEnd();
          break;
        case 3:
          world.disk().WriteAll();
          break;
        case 4:
          world.disk().SyncAll();
          break;
        case 5:
          world.disk().CompleteAll();
          break;
        case 6:
          world.disk().RunBackground();
          break;
        case 7:
          world.clock.Advance(Milliseconds(30));
          world.group->Tick();
          if (random() % 4 == 0) world.Restart();
          break;
      }
    }
    world.Restart();
    const std::vector<std::string> values = world.ReadFrom(0);
    for (const auto& [offset, value] : acked) {
      ASSERT_LT(offset, values.size());
      ASSERT_EQ(values[offset], value);
    }
  }
}

}  // namespace
}  // namespace raftmq
