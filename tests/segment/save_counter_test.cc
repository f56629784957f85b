#include "segment/save_counter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "segment/crash_chooser.h"
#include "segment/memory_file_system.h"

namespace raftmq {
namespace {

class SaveCounterTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.CreateDirectory("/data").has_value());
    ASSERT_TRUE(files_.SyncDirectory("/").has_value());
  }
  static Result<std::unique_ptr<SaveCounter>> Open(FileSystem& files,
                                                   std::vector<std::string>* notes = nullptr) {
    std::vector<std::string> unused;
    return SaveCounter::Open(files, "/data", notes != nullptr ? notes : &unused);
  }
  SaveCounter::Content Reopened() {
    const auto opened = Open(files_);
    EXPECT_TRUE(opened.has_value());
    return opened ? (*opened)->content() : SaveCounter::Content{};
  }

  const SaveCounter::Content content_{
      .number = 7,
      .is_rolled_back = true,
      .others = {{NodeId(2), {.incarnation = 11, .number = 3}},
                 {NodeId(3), {.incarnation = 12, .number = 1u << 20}}}};
  MemoryFileSystem files_;
};

TEST_F(SaveCounterTest, BeginsAtZeroAndRemembersWhatWasSaved) {
  {
    const auto counter = Open(files_);
    ASSERT_TRUE(counter.has_value());
    EXPECT_EQ((*counter)->content(), SaveCounter::Content{});
    ASSERT_TRUE((*counter)->Save(content_).has_value());
  }
  EXPECT_EQ(Reopened(), content_);
}

TEST_F(SaveCounterTest, WhatWasSavedSurvivesAPowerCut) {
  const auto counter = Open(files_);
  ASSERT_TRUE(files_.SyncDirectory("/data").has_value());
  ASSERT_TRUE((*counter)->Save(content_).has_value());
  constexpr std::uint64_t kTestSeed = 3;
  SeededCrashChooser chooser(kTestSeed);
  const auto left = files_.AfterPowerCut(chooser);
  const auto again = Open(*left);
  ASSERT_TRUE(again.has_value()) << "seed " << kTestSeed;
  EXPECT_EQ((*again)->content(), content_);
}

TEST_F(SaveCounterTest, ADamagedCopyIsMadeAgainFromItsTwin) {
  ASSERT_TRUE((*Open(files_))->Save(content_).has_value());
  for (const std::size_t at : {20u, 16'384u + 20u}) {
    files_.Damage("/data/counter", at, std::byte{4});
    std::vector<std::string> notes;
    const auto opened = Open(files_, &notes);
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ((*opened)->content(), content_);
    EXPECT_EQ(notes.size(), 1u);
  }
}

TEST_F(SaveCounterTest, ADamagedCopyIsSeenAndMadeAgainWhileItIsInUse) {
  const auto counter = Open(files_);
  ASSERT_TRUE((*counter)->Save(content_).has_value());
  EXPECT_EQ(SaveCounter::IsWhole(files_, "/data").value(), true);
  for (const std::size_t at : {20u, 16'384u + 20u}) {
    files_.Damage("/data/counter", at, std::byte{4});
    EXPECT_EQ(SaveCounter::IsWhole(files_, "/data").value(), false);
    ASSERT_TRUE((*counter)->Rewrite().has_value());
    EXPECT_EQ(SaveCounter::IsWhole(files_, "/data").value(), true);
  }
  EXPECT_EQ(Reopened(), content_);
}

// Others have seen a higher number, and refuse it.
TEST_F(SaveCounterTest, WithoutAWholeCopyItBeginsAtZeroAndSaysSo) {
  ASSERT_TRUE((*Open(files_))->Save(content_).has_value());
  files_.Damage("/data/counter", 20, std::byte{4});
  files_.Damage("/data/counter", 16'384 + 20, std::byte{4});
  std::vector<std::string> notes;
  const auto opened = Open(files_, &notes);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ((*opened)->content().number, 0u);
  EXPECT_EQ(notes.size(), 1u);
}

TEST_F(SaveCounterTest, AnInterruptedSaveLeavesTheOldOrTheNewNumber) {
  const auto counter = Open(files_);
  ASSERT_TRUE(files_.SyncDirectory("/data").has_value());
  ASSERT_TRUE((*counter)->Save({.number = 1, .others = {}}).has_value());
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto file = files_.Open("/data/counter", OpenMode::kWrite);
    ASSERT_TRUE((*file)->Write(0, std::vector<std::byte>(600, std::byte{9})).has_value());
    SeededCrashChooser chooser(seed);
    const auto left = files_.AfterPowerCut(chooser);
    const auto opened = Open(*left);
    ASSERT_TRUE(opened.has_value()) << "seed " << seed;
    EXPECT_EQ((*opened)->content().number, 1u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace raftmq
