// What the disk in memory loses, and what it must keep.
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "segment/memory_file_system.h"
#include "segment/operation_trace.h"

namespace raftmq {
namespace {

std::string ContentOf(MemoryFileSystem& files, const std::string& path) {
  const auto file = files.Open(path, OpenMode::kRead);
  if (!file) return "(none)";
  std::string text(*(*file)->Size(), '?');
  EXPECT_TRUE((*file)->Read(0, std::as_writable_bytes(std::span(text))).has_value());
  return text;
}

class PowerCutTest : public testing::Test {
 protected:
  std::unique_ptr<File> Create(const std::string& path) {
    return std::move(*files_.Open(path, OpenMode::kCreate));
  }
  std::unique_ptr<MemoryFileSystem> Cut(bool keep_unsynced) {
    UniformCrashChooser chooser(keep_unsynced);
    return files_.AfterPowerCut(chooser);
  }
  MemoryFileSystem files_;
};

TEST_F(PowerCutTest, SyncedBytesUnderASyncedNameStay) {
  const auto file = Create("/a");
  ASSERT_TRUE(file->Write(0, AsBytes("kept")).has_value());
  ASSERT_TRUE(file->Sync().has_value());
  ASSERT_TRUE(files_.SyncDirectory("/").has_value());
  ASSERT_TRUE(file->Write(0, AsBytes("lost and longer")).has_value());
  EXPECT_EQ(ContentOf(*Cut(false), "/a"), "kept");
  EXPECT_EQ(ContentOf(*Cut(true), "/a"), "lost and longer");
}

TEST_F(PowerCutTest, WhatDecaysBeforeItIsSyncedIsNotWholeAfterIt) {
  const auto file = Create("/a");
  ASSERT_TRUE(files_.SyncDirectory("/").has_value());
  ASSERT_TRUE(file->Write(0, AsBytes("abc")).has_value());
  files_.Damage("/a", 1, std::byte{'b' ^ 'x'});
  EXPECT_EQ(ContentOf(files_, "/a"), "axc");
  EXPECT_EQ(ContentOf(*Cut(true), "/a"), "axc");
  ASSERT_TRUE(file->Sync().has_value());
  EXPECT_EQ(ContentOf(*Cut(false), "/a"), "axc");
}

TEST_F(PowerCutTest, SyncedBytesUnderAnUnsyncedNameAreGone) {
  const auto file = Create("/a");
  ASSERT_TRUE(file->Write(0, AsBytes("lost")).has_value());
  ASSERT_TRUE(file->Sync().has_value());
  EXPECT_EQ(ContentOf(*Cut(false), "/a"), "(none)");
}

TEST_F(PowerCutTest, AnUnsyncedRemoveAndRenameComeBack) {
  Create("/a");
  Create("/b");
  ASSERT_TRUE(files_.SyncDirectory("/").has_value());
  ASSERT_TRUE(files_.Remove("/a").has_value());
  ASSERT_TRUE(files_.Rename("/b", "/c").has_value());
  const auto before = Cut(false)->List("/");
  EXPECT_EQ(*before, (std::vector<DirectoryEntry>{{"a"}, {"b"}}));
  const auto after = Cut(true)->List("/");
  EXPECT_EQ(*after, (std::vector<DirectoryEntry>{{"c"}}));
}

TEST_F(PowerCutTest, ADirectoryThatWasLostTakesItsFilesAlong) {
  ASSERT_TRUE(files_.CreateDirectory("/d").has_value());
  ASSERT_TRUE(Create("/d/a")->Allocate(kPageBytes).has_value());
  ASSERT_TRUE(files_.SyncDirectory("/d").has_value());
  const auto left = Cut(false);
  EXPECT_TRUE(left->List("/")->empty());
  EXPECT_EQ(*left->FreeBytes("/"), std::uint64_t{1} << 40);
}

TEST_F(PowerCutTest, AllocationAndSizeAreKeptOnlyBySync) {
  const auto file = Create("/a");
  ASSERT_TRUE(files_.SyncDirectory("/").has_value());
  ASSERT_TRUE(file->Allocate(4 * kPageBytes).has_value());
  EXPECT_EQ(ContentOf(*Cut(false), "/a").size(), 0u);
  ASSERT_TRUE(file->Sync().has_value());
  EXPECT_EQ(ContentOf(*Cut(false), "/a").size(), 4 * kPageBytes);
}

TEST_F(PowerCutTest, SectorsWithSyncedBytesAreOldOrNewOthersMayBeGarbled) {
  const auto file = Create("/a");
  ASSERT_TRUE(files_.SyncDirectory("/").has_value());
  ASSERT_TRUE(file->Allocate(2 * kPageBytes).has_value());
  ASSERT_TRUE(file->Write(0, AsBytes(std::string(kPageBytes, 'o'))).has_value());
  ASSERT_TRUE(file->Sync().has_value());
  ASSERT_TRUE(file->Write(0, AsBytes(std::string(2 * kPageBytes, 'n'))).has_value());
  std::set<std::string> first, second;  // Sectors found in the first and in the second page.
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SeededCrashChooser chooser(seed);
    const std::string text = ContentOf(*files_.AfterPowerCut(chooser), "/a");
    for (std::size_t at = 0; at < text.size(); at += kSectorBytes)
      (at < kPageBytes ? first : second).insert(text.substr(at, kSectorBytes));
  }
  EXPECT_EQ(first, (std::set{std::string(kSectorBytes, 'o'), std::string(kSectorBytes, 'n')}));
  EXPECT_TRUE(second.contains(std::string(kSectorBytes, '\0')));
  EXPECT_TRUE(second.contains(std::string(kSectorBytes, 'n')));
  EXPECT_GT(second.size(), 2u) << "nothing garbled in 200 seeds";
}

TEST_F(PowerCutTest, TheSameSeedGivesTheSameImage) {
  const auto file = Create("/a");
  ASSERT_TRUE(files_.SyncDirectory("/").has_value());
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(file->Write(static_cast<std::uint64_t>(i) * 1000, AsBytes("x")).has_value());
  SeededCrashChooser one(7), two(7);
  EXPECT_EQ(ContentOf(*files_.AfterPowerCut(one), "/a"),
            ContentOf(*files_.AfterPowerCut(two), "/a"));
}

TEST_F(PowerCutTest, AFullDiskIsAnErrorAndNothingIsTaken) {
  files_.SetCapacity(4 * kPageBytes);
  const auto file = Create("/a");
  EXPECT_EQ(file->Allocate(5 * kPageBytes).error().code, ErrorCode::kDiskFull);
  EXPECT_EQ(*file->Size(), 0u);
  ASSERT_TRUE(file->Allocate(4 * kPageBytes).has_value());
  EXPECT_TRUE(file->Write(kPageBytes, AsBytes("x")).has_value());
  EXPECT_EQ(Create("/b")->Write(0, AsBytes("x")).error().code, ErrorCode::kDiskFull);
}

TEST_F(PowerCutTest, RoomComesBackWithTheLastHandle) {
  files_.SetCapacity(4 * kPageBytes);
  auto file = Create("/a");
  ASSERT_TRUE(files_.SyncDirectory("/").has_value());
  ASSERT_TRUE(file->Allocate(4 * kPageBytes).has_value());
  ASSERT_TRUE(files_.Remove("/a").has_value());
  ASSERT_TRUE(files_.SyncDirectory("/").has_value());
  EXPECT_EQ(*files_.FreeBytes("/"), 0u);
  file.reset();
  EXPECT_EQ(*files_.FreeBytes("/"), 4 * kPageBytes);
}

TEST_F(PowerCutTest, TheTraceBuildsEverySubsetOfFewChanges) {
  const auto file = Create("/a");
  ASSERT_TRUE(file->Allocate(2 * kPageBytes).has_value());
  ASSERT_TRUE(file->Sync().has_value());
  ASSERT_TRUE(files_.SyncDirectory("/").has_value());
  OperationTrace trace(&files_);
  ASSERT_TRUE(file->Write(0, AsBytes("1")).has_value());
  ASSERT_TRUE(file->Write(kPageBytes, AsBytes("2")).has_value());
  ASSERT_TRUE(file->Write(0, AsBytes("3")).has_value());
  ASSERT_TRUE(file->Sync().has_value());
  ASSERT_EQ(trace.size(), 4u);
  EXPECT_EQ(trace.operation(1).ToString(), "write /a [4096, 4097)");
  std::set<std::pair<char, char>> found;
  std::set<std::pair<char, char>> after_sync;
  CrashImageOptions options;
  options.tear = false;
  ForEachCrashImage(trace, options, [&](const CrashImage& image) {
    MemoryFileSystem left(image.disk);
    const std::string text = ContentOf(left, "/a");
    found.insert({text[0], text[kPageBytes]});
    if (image.steps == 4) after_sync.insert({text[0], text[kPageBytes]});
  });
  EXPECT_EQ(found,
            (std::set<std::pair<char, char>>{
                {'\0', '\0'}, {'1', '\0'}, {'3', '\0'}, {'\0', '2'}, {'1', '2'}, {'3', '2'}}));
  EXPECT_EQ(after_sync, (std::set<std::pair<char, char>>{{'3', '2'}}));
}

}  // namespace
}  // namespace raftmq
