#include "broker/partition_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "segment/memory_file_system.h"

namespace raftmq::broker {
namespace {

class PartitionDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.CreateDirectory("/data").has_value());
    ASSERT_TRUE(files_.CreateDirectory(PartitionsPath("/data")).has_value());
    ASSERT_TRUE(NodeManifest::Create(files_, "/data").has_value());
    OpenManifest();
    options_.self = NodeId(1);
    options_.log.group = {TopicId{3, 4}, PartitionNumber(5)};
    options_.log.directory = PartitionPath("/data", options_.log.group);
  }
  void OpenManifest() {
    std::vector<std::string> notes;
    auto manifest = NodeManifest::Open(files_, "/data", &notes);
    ASSERT_TRUE(manifest.has_value()) << manifest.error().ToString();
    manifest_ = std::move(*manifest);
  }
  Result<std::unique_ptr<OpenedLog>> FoundOrOpen(bool is_founded, std::uint64_t replica = 7) {
    return FoundOrOpenPartition(files_, *manifest_, options_,
                                {.nodes = {NodeId(1), NodeId(2)},
                                 .is_founded = is_founded,
                                 .seed = 6,
                                 .replica = replica,
                                 .founders = 7});
  }
  // A replica that votes and ends; whether the catalogue has heard of its founding is another
  // matter.
  void FoundAndVote() {
    auto opened = FoundOrOpen(false);
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    PartitionLog& log = *(*opened)->log;
    log.SaveHardState({Term(8), NodeId(2)});
    auto job = log.TakeJob();
    job->Write();
    job->Sync();
    log.Completed(std::move(job));
    log.Close();
  }

  MemoryFileSystem files_;
  std::unique_ptr<NodeManifest> manifest_;
  GroupOptions options_;
};

TEST_F(PartitionDirectoryTest, WhatVotedIsOpenedThoughTheCatalogueDoesNotKnowOfItsFounding) {
  FoundAndVote();
  const auto opened = FoundOrOpen(false);
  ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
  EXPECT_EQ((*opened)->report.hard_state, (HardState{Term(8), NodeId(2)}));
}

TEST_F(PartitionDirectoryTest, AFoundingThatWasInterruptedIsMadeAnew) {
  ASSERT_TRUE(files_.CreateDirectory(options_.log.directory).has_value());
  ASSERT_TRUE(files_.Open(options_.log.directory + "/some.log", OpenMode::kCreate).has_value());
  const auto opened = FoundOrOpen(false);
  ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
  EXPECT_EQ((*opened)->report.hard_state, HardState{});
}

TEST_F(PartitionDirectoryTest, WhatVotedAndIsGoneIsLostThoughTheCatalogueDoesNotKnowIt) {
  FoundAndVote();
  ASSERT_TRUE(RemovePartitionDirectory(files_, options_.log.directory).has_value());
  OpenManifest();  // As after a restart.
  EXPECT_EQ(FoundOrOpen(false).error().code, ErrorCode::kDataCorrupt);
}

TEST_F(PartitionDirectoryTest, AReplicaOfAnotherNumberIsAnother) {
  FoundAndVote();
  ASSERT_TRUE(RemovePartitionDirectory(files_, options_.log.directory).has_value());
  EXPECT_EQ(FoundOrOpen(false, 7).error().code, ErrorCode::kDataCorrupt);
  EXPECT_TRUE(FoundOrOpen(false, 8).has_value());
}

// The one that this one replaces was to be removed, and was not.
TEST_F(PartitionDirectoryTest, WhatAnotherReplicaHasLeftIsNotItsOwn) {
  FoundAndVote();
  const auto opened = FoundOrOpen(false, 8);
  ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
  EXPECT_EQ((*opened)->report.replica, ReplicaNumber(8));
  EXPECT_EQ((*opened)->report.hard_state, HardState{});
  EXPECT_EQ(FoundOrOpen(false, 7).error().code, ErrorCode::kDataCorrupt);
  EXPECT_EQ(FoundOrOpen(true, 9).error().code, ErrorCode::kDataCorrupt);
}

// All founders have the same number: only the node tells their directories apart.
TEST_F(PartitionDirectoryTest, WhatWasFoundedByAnotherNodeIsRefused) {
  FoundAndVote();
  options_.self = NodeId(2);
  for (const bool is_founded : {false, true}) {
    const auto refused = FoundOrOpen(is_founded);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kForeignDirectory);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("found that of node 1"));
  }
  EXPECT_TRUE(files_.Inspect(options_.log.directory + "/meta").has_value());
}

// It holds what the founders began with, under its own number, so that it votes with nothing yet.
TEST_F(PartitionDirectoryTest, AReplicaThatJoinsLaterIsNoVoterOfTheLogThatItFounds) {
  const auto opened = FoundOrOpen(false, 8);
  ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
  EXPECT_EQ((*opened)->report.replica, ReplicaNumber(8));
  const Membership founders{{NodeId(1), ReplicaNumber(7), true},
                            {NodeId(2), ReplicaNumber(7), true}};
  EXPECT_EQ((*opened)->raft.memberships.back().membership, founders);
  EXPECT_EQ(manifest_->Find(options_.log.group), ReplicaNumber(8));
}

TEST_F(PartitionDirectoryTest, WhatVotedAndHasLostItsMetaFileIsLost) {
  FoundAndVote();
  ASSERT_TRUE(files_.Remove(options_.log.directory + "/meta").has_value());
  EXPECT_EQ(FoundOrOpen(false).error().code, ErrorCode::kDataCorrupt);
  EXPECT_EQ(FoundOrOpen(true).error().code, ErrorCode::kDataCorrupt);
}

TEST_F(PartitionDirectoryTest, WhatALostReplicaHasLeftIsKeptBesideTheOneInItsPlace) {
  const std::string lost = LostPath(options_.log.directory);
  FoundAndVote();
  for (const std::uint64_t next : {8u, 9u}) {
    for (std::uint64_t at = 0; at < 8 * 4096; at += 4096)
      files_.Damage(options_.log.directory + "/meta", at + 20, std::byte{0x10});
    EXPECT_EQ(FoundOrOpen(false, next - 1).error().code, ErrorCode::kDataCorrupt);
    const auto opened = FoundOrOpen(false, next);
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    EXPECT_EQ((*opened)->report.replica, ReplicaNumber(next));
    EXPECT_EQ(manifest_->Find(options_.log.group), ReplicaNumber(next));
    (*opened)->log->Close();
    EXPECT_TRUE(files_.Inspect(lost + "/meta").has_value());
  }
}

TEST_F(PartitionDirectoryTest, TheOnlyReplicaIsNotReplaced) {
  const auto opened = FoundOrOpenPartition(
      files_, *manifest_, options_,
      {.nodes = {NodeId(1)}, .is_founded = false, .seed = 6, .replica = 8, .founders = 7});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kDataCorrupt);
}

TEST_F(PartitionDirectoryTest, WhatIsListedAndPlacedNoMoreMayBeFoundedAgain) {
  FoundAndVote();
  ASSERT_TRUE(RemovePartitionDirectory(files_, options_.log.directory).has_value());
  ASSERT_TRUE(manifest_->Remove(options_.log.group).has_value());
  EXPECT_TRUE(FoundOrOpen(false).has_value());
}

TEST_F(PartitionDirectoryTest, AFoundedReplicaThatIsGoneIsLost) {
  EXPECT_EQ(FoundOrOpen(true).error().code, ErrorCode::kDataCorrupt);
}

}  // namespace
}  // namespace raftmq::broker
