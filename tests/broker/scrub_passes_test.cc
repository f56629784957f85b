#include "broker/scrub/scrub_passes.h"

#include <gtest/gtest.h>

#include "segment/memory_file_system.h"
#include "segment/node_directory.h"

namespace raftmq::broker {
namespace {

GroupId Group(std::uint64_t topic) { return {{1, topic}, PartitionNumber(3)}; }

ScrubPass Running(std::uint64_t topic, std::uint64_t index) {
  return {.began_ms = 100,
          .ended_ms = 50,
          .is_running = true,
          .by_hand = false,
          .group = Group(topic),
          .index = Index(index),
          .bytes_read = 7};
}

class ScrubPasses : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(files_.CreateDirectory("/data")); }
  void Overwrite(const std::vector<std::byte>& bytes) {
    auto file = files_.Open("/data/scrub", OpenMode::kWrite);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->Write(0, bytes));
  }
  MemoryFileSystem files_;
};

TEST_F(ScrubPasses, AreReadAsTheyWereSaved) {
  const std::vector<ScrubPass> passes = {Running(4, 9), {.began_ms = 1, .ended_ms = 2}};
  ASSERT_TRUE(SavePasses(files_, "/data", passes));
  EXPECT_EQ(*LoadPasses(files_, "/data"), passes);
  ASSERT_TRUE(SavePasses(files_, "/data", {Running(5, 1)}));
  EXPECT_EQ(*LoadPasses(files_, "/data"), std::vector<ScrubPass>{Running(5, 1)});
}

TEST_F(ScrubPasses, AreNoneWithoutAFile) { EXPECT_TRUE(LoadPasses(files_, "/data")->empty()); }

TEST_F(ScrubPasses, EveryFlippedBitIsFound) {
  const std::vector<std::byte> bytes = EncodePasses({Running(4, 9)});
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::vector<std::byte> damaged = bytes;
    damaged[bit / 8] ^= std::byte{static_cast<unsigned char>(1u << (bit % 8))};
    EXPECT_FALSE(DecodePasses(damaged)) << bit;
  }
}

TEST_F(ScrubPasses, EveryCutFileIsFound) {
  const std::vector<std::byte> bytes = EncodePasses({Running(4, 9)});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(DecodePasses(ByteSpan(bytes).first(size))) << size;
}

TEST_F(ScrubPasses, GoOnWhereTheyWereWithAsManyShards) {
  const std::vector<ScrubPass> saved = {Running(4, 9), Running(2, 7)};
  EXPECT_EQ(PassesFor(saved, 2), saved);
}

TEST_F(ScrubPasses, AllGoOnWhereTheLeastHadBeenReadWithAnotherNumberOfShards) {
  const ScrubPass ended{.began_ms = 90, .ended_ms = 95};
  const auto passes = PassesFor({ended, Running(4, 9), Running(2, 7)}, 2);
  ASSERT_EQ(passes.size(), 2u);
  for (const ScrubPass& pass : passes) {
    EXPECT_TRUE(pass.is_running);
    EXPECT_EQ(pass.group, Group(2));
    EXPECT_EQ(pass.index, Index(7));
    EXPECT_EQ(pass.began_ms, 90);
    EXPECT_EQ(pass.ended_ms, 50);
  }
}

TEST_F(ScrubPasses, BeginWhereNothingIsKnown) {
  EXPECT_EQ(PassesFor({}, 3), std::vector<ScrubPass>(3));
}

}  // namespace
}  // namespace raftmq::broker
