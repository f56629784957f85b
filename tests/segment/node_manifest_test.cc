#include "segment/node_manifest.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "segment/memory_file_system.h"
#include "segment/operation_trace.h"

namespace raftmq {
namespace {

GroupId Group(std::uint32_t partition) { return {TopicId{1, 2}, PartitionNumber(partition)}; }

std::unique_ptr<NodeManifest> Open(FileSystem& files, std::vector<std::string>* notes = nullptr) {
  std::vector<std::string> unused;
  auto opened = NodeManifest::Open(files, "/data", notes != nullptr ? notes : &unused);
  EXPECT_TRUE(opened.has_value()) << opened.error().ToString();
  return opened ? std::move(*opened) : nullptr;
}

class NodeManifestTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.CreateDirectory("/data").has_value());
    ASSERT_TRUE(NodeManifest::Create(files_, "/data").has_value());
    ASSERT_TRUE(files_.SyncDirectory("/data").has_value());
    ASSERT_TRUE(files_.SyncDirectory("/").has_value());
  }
  MemoryFileSystem files_;
};

TEST_F(NodeManifestTest, RemembersWhatWasAddedAndForgetsWhatWasRemoved) {
  {
    const auto manifest = Open(files_);
    ASSERT_TRUE(manifest->Add(Group(0), ReplicaNumber(7)).has_value());
    ASSERT_TRUE(manifest->Add(Group(1), ReplicaNumber(8)).has_value());
    ASSERT_TRUE(manifest->Remove(Group(0)).has_value());
  }
  const auto again = Open(files_);
  EXPECT_EQ(again->Find(Group(0)), std::nullopt);
  EXPECT_EQ(again->Find(Group(1)), ReplicaNumber(8));
}

TEST_F(NodeManifestTest, ADamagedOrMissingCopyIsMadeAgainFromItsTwin) {
  ASSERT_TRUE(Open(files_)->Add(Group(0), ReplicaNumber(7)).has_value());
  files_.Damage("/data/manifest", 30, std::byte{4});
  std::vector<std::string> notes;
  EXPECT_EQ(Open(files_, &notes)->Find(Group(0)), ReplicaNumber(7));
  EXPECT_EQ(notes.size(), 1u);
  ASSERT_TRUE(files_.Remove("/data/manifest.copy").has_value());
  EXPECT_EQ(Open(files_)->Find(Group(0)), ReplicaNumber(7));
  files_.Damage("/data/manifest", 30, std::byte{4});
  EXPECT_EQ(Open(files_)->Find(Group(0)), ReplicaNumber(7));
}

TEST_F(NodeManifestTest, ADamagedCopyIsMadeAgainUnderWay) {
  const auto manifest = Open(files_);
  ASSERT_TRUE(manifest->Add(Group(0), ReplicaNumber(7)).has_value());
  for (const char* name : {"/data/manifest", "/data/manifest.copy"}) {
    files_.Damage(name, 30, std::byte{4});
    ASSERT_TRUE(manifest->Rewrite().has_value());
    std::vector<std::string> faults;
    EXPECT_EQ(NodeManifest::Check(files_, "/data", &faults)->size(), 1u);
    EXPECT_TRUE(faults.empty()) << name;
  }
}

TEST_F(NodeManifestTest, AMissingCopyIsMadeAgainUnderWayAndWrittenToFromThenOn) {
  const auto manifest = Open(files_);
  ASSERT_TRUE(manifest->Add(Group(0), ReplicaNumber(7)).has_value());
  for (const char* name : {"/data/manifest", "/data/manifest.copy"}) {
    ASSERT_TRUE(files_.Remove(name).has_value());
    ASSERT_TRUE(manifest->Rewrite().has_value());
  }
  ASSERT_TRUE(manifest->Add(Group(1), ReplicaNumber(8)).has_value());
  std::vector<std::string> faults;
  EXPECT_EQ(NodeManifest::Check(files_, "/data", &faults)->size(), 2u);
  EXPECT_TRUE(faults.empty()) << faults.front();
}

TEST_F(NodeManifestTest, ACheckSaysWhatIsWrongAndChangesNothing) {
  ASSERT_TRUE(Open(files_)->Add(Group(0), ReplicaNumber(7)).has_value());
  files_.Damage("/data/manifest", 30, std::byte{4});
  for (int i = 0; i < 2; ++i) {
    std::vector<std::string> faults;
    const auto listed = NodeManifest::Check(files_, "/data", &faults);
    ASSERT_TRUE(listed.has_value());
    EXPECT_EQ(listed->at(Group(0)), ReplicaNumber(7));
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_NE(faults[0].find("/data/manifest is damaged"), std::string::npos);
  }
}

TEST_F(NodeManifestTest, EveryFlippedBitIsSeen) {
  ASSERT_TRUE(Open(files_)->Add(Group(0), ReplicaNumber(7)).has_value());
  constexpr std::uint64_t kBytes = 24 + 32 + 8;
  for (std::uint64_t at = 0; at < kBytes; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      MemoryFileSystem damaged(files_.Snapshot());
      damaged.Damage("/data/manifest", at, std::byte(1 << bit));
      std::vector<std::string> notes;
      EXPECT_EQ(Open(damaged, &notes)->Find(Group(0)), ReplicaNumber(7));
      EXPECT_EQ(notes.size(), 1u) << "byte " << at << " bit " << bit;
    }
  }
}

TEST_F(NodeManifestTest, WithBothCopiesBadNothingIsGuessed) {
  files_.Damage("/data/manifest", 0, std::byte{1});
  files_.Damage("/data/manifest.copy", 0, std::byte{1});
  std::vector<std::string> notes;
  EXPECT_EQ(NodeManifest::Open(files_, "/data", &notes).error().code, ErrorCode::kDataCorrupt);
}

TEST_F(NodeManifestTest, AFullDiskRefusesTheReplicaAndKeepsTheOthers) {
  const auto manifest = Open(files_);
  files_.SetCapacity(1);
  Status added = Ok();
  std::uint32_t partition = 0;
  for (; added && partition < 10'000; ++partition)
    added = manifest->Add(Group(partition), ReplicaNumber(1));
  ASSERT_FALSE(added.has_value());
  EXPECT_EQ(added.error().code, ErrorCode::kDiskFull);
  EXPECT_EQ(manifest->Find(Group(partition - 1)), std::nullopt);
  EXPECT_EQ(Open(files_)->Find(Group(0)), ReplicaNumber(1));
}

TEST_F(NodeManifestTest, ManyThreadsMayAddAtOnce) {
  {
    const auto manifest = Open(files_);
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < 4; ++t) {
      threads.emplace_back([&manifest, t] {
        for (std::uint32_t i = 0; i < 25; ++i)
          EXPECT_TRUE(manifest->Add(Group(25 * t + i), ReplicaNumber(i + 1)).has_value());
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const auto again = Open(files_);
  for (std::uint32_t i = 0; i < 100; ++i)
    EXPECT_EQ(again->Find(Group(i)), ReplicaNumber(i % 25 + 1));
}

TEST_F(NodeManifestTest, APowerCutAtAnyStepKeepsWhatWasAdded) {
  OperationTrace trace(&files_);
  const auto manifest = Open(files_);
  std::vector<std::size_t> durable_at;  // Steps after which partition i is listed.
  for (std::uint32_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(manifest->Add(Group(i), ReplicaNumber(i + 1)).has_value());
    durable_at.push_back(trace.size());
  }
  const std::size_t images = ForEachCrashImage(trace, {}, [&](const CrashImage& image) {
    MemoryFileSystem left(image.disk);
    const auto again = Open(left);
    ASSERT_NE(again, nullptr) << image.what;
    for (std::uint32_t i = 0; i < 3; ++i) {
      if (image.steps < durable_at[i]) continue;
      EXPECT_EQ(again->Find(Group(i)), ReplicaNumber(i + 1)) << image.what;
    }
  });
  EXPECT_GT(images, 15u);
}

}  // namespace
}  // namespace raftmq
