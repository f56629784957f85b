#include "segment/meta_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "segment/posix_file_system.h"
#include "tests/segment/old_meta.h"
#include "tests/segment/temp_directory.h"

namespace raftmq {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kMetaBytes = 8 * kPageBytes;

class MetaFileTest : public testing::Test {
 protected:
  void SetUp() override {
    auto meta = MetaFile::Create(files_, Path(), identity_, {.tail = {.index = Index(1)}});
    ASSERT_TRUE(meta.has_value()) << meta.error().ToString();
    ASSERT_TRUE((*meta)->SaveHardState({Term(7), NodeId(2)}).has_value());
    ASSERT_TRUE((*meta)->WriteMark({.tail = {.index = Index(5)}}).has_value());
    ASSERT_TRUE((*meta)->Sync().has_value());
  }
  std::string Path() const { return directory_ / "meta"; }
  Result<std::unique_ptr<MetaFile>> Open() {
    notes_.clear();
    return MetaFile::Open(files_, Path(), identity_.group, identity_.node, &notes_);
  }
  // Another replica's file, later in everything.
  std::string MakeOther(const MetaIdentity& identity) {
    const std::string path = directory_ / "other";
    const auto meta = MetaFile::Create(files_, path, identity, {.tail = {.index = Index(90)}});
    for (std::uint64_t term = 1; term <= 9; ++term) {
      EXPECT_TRUE((*meta)->SaveHardState({Term(term), NodeId(3)}).has_value());
      EXPECT_TRUE((*meta)->LowerMark({.tail = {.index = Index(90)}}).has_value());
      EXPECT_TRUE((*meta)->SaveIntent({.after = {.tail = {.index = Index(80)}}}).has_value());
    }
    return path;
  }
  void ExpectAllAsSaved(const MetaFile& meta) {
    EXPECT_EQ(meta.identity(), identity_);
    EXPECT_EQ(meta.hard_state(), (HardState{Term(7), NodeId(2)}));
    EXPECT_LE(meta.mark().tail.index, Index(5));
    EXPECT_EQ(meta.intent(), LogIntent{});
  }

  TempDirectory directory_;
  PosixFileSystem files_;
  const MetaIdentity identity_{.group = {TopicId{3, 4}, PartitionNumber(5)},
                               .replica = ReplicaNumber(6),
                               .group_seed = 8,
                               .node = NodeId(2)};
  std::vector<std::string> notes_;
};

TEST_F(MetaFileTest, WhatWasSavedIsThereAfterReopening) {
  const auto meta = Open();
  ASSERT_TRUE(meta.has_value()) << meta.error().ToString();
  EXPECT_EQ((*meta)->identity(), identity_);
  EXPECT_EQ((*meta)->hard_state(), (HardState{Term(7), NodeId(2)}));
  EXPECT_EQ((*meta)->mark().tail.index, Index(5));
  EXPECT_EQ((*meta)->intent().pending, LogIntent::Pending::kNone);
  EXPECT_TRUE(notes_.empty());
}

// As a program before format 3 has left it: its mark does not name the first segment.
TEST_F(MetaFileTest, AMarkOfFormatTwoIsReadAndDoesNotKnowTheFirstSegment) {
  ASSERT_TRUE((*Open())->SaveFirstSegment({Index(3), Offset(4)}).has_value());
  MakeMetaOld(files_, Path(), 2);
  const auto meta = Open();
  ASSERT_TRUE(meta.has_value()) << meta.error().ToString();
  EXPECT_EQ((*meta)->mark().tail.index, Index(5));
  EXPECT_EQ((*meta)->first_segment().first, Index(0));
  ASSERT_TRUE((*meta)->SaveFirstSegment({Index(3), Offset(4)}).has_value());
  EXPECT_EQ((*Open())->first_segment(), (SegmentName{Index(3), Offset(4)}));
}

TEST_F(MetaFileTest, AFileOfFormatThreeIsWrittenAnewAndGetsItsNode) {
  ASSERT_TRUE((*Open())->SaveFirstSegment({Index(3), Offset(4)}).has_value());
  MakeMetaOld(files_, Path(), 3);
  std::vector<std::string> bad_copies;
  const auto read = MetaFile::OpenToRead(files_, Path(), &bad_copies);
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ((*read)->identity().node, NodeId(0));
  EXPECT_THAT(bad_copies, IsEmpty());
  for (const bool is_new : {false, true}) {
    const auto meta = Open();
    ASSERT_TRUE(meta.has_value()) << meta.error().ToString();
    ExpectAllAsSaved(**meta);
    EXPECT_EQ((*meta)->first_segment(), (SegmentName{Index(3), Offset(4)}));
    EXPECT_THAT(notes_, SizeIs(is_new ? 0 : 1));
  }
  for (std::size_t page = 0; page < kMetaPages; ++page)
    EXPECT_EQ(LoadLittleEndian<std::uint16_t>(MetaPageAt(files_, Path(), page).data() + 4), 4);
}

TEST_F(MetaFileTest, AFileOfFormatThreeWithBadCopiesIsWrittenAnew) {
  MakeMetaOld(files_, Path(), 3);
  for (const std::size_t page : {0u, 3u, 6u})
    PutMetaPage(files_, Path(), page, std::vector<std::byte>(kPageBytes));
  ASSERT_TRUE(Open().has_value());
  EXPECT_THAT(notes_, SizeIs(4));
  const auto meta = Open();
  ASSERT_TRUE(meta.has_value()) << meta.error().ToString();
  EXPECT_THAT(notes_, IsEmpty());
  ExpectAllAsSaved(**meta);
}

// A disk may write a page to the wrong place, whole: here over one of ours, whose counter is lower.
TEST_F(MetaFileTest, APageOfAnotherPartitionIsAsGoodAsDamaged) {
  const std::string other = MakeOther(
      {{TopicId{3, 4}, PartitionNumber(6)}, identity_.replica, identity_.group_seed, NodeId(2)});
  for (std::size_t page = 0; page < kMetaPages; ++page) {
    for (const std::uint16_t version : {std::uint16_t{4}, std::uint16_t{3}}) {
      auto misplaced = MetaPageAt(files_, other, page);
      if (version == 3) misplaced = OldMetaPage(misplaced, 3);
      PutMetaPage(files_, Path(), page, misplaced);
      std::vector<std::string> bad_copies;
      ASSERT_TRUE(MetaFile::OpenToRead(files_, Path(), &bad_copies).has_value());
      EXPECT_THAT(bad_copies, SizeIs(1)) << "page " << page << " of format " << version;
      const auto meta = Open();
      ASSERT_TRUE(meta.has_value()) << meta.error().ToString();
      ExpectAllAsSaved(**meta);
      EXPECT_THAT(notes_, SizeIs(1)) << "page " << page << " of format " << version;
      EXPECT_TRUE(Open().has_value());
      EXPECT_THAT(notes_, IsEmpty()) << "was not repaired";
    }
  }
}

// What a replica that was lost here has left lies beside the one in its place.
TEST_F(MetaFileTest, APageOfAnotherReplicaOfThePartitionIsAsGoodAsDamaged) {
  const std::string other =
      MakeOther({identity_.group, ReplicaNumber(5), identity_.group_seed, NodeId(2)});
  for (std::size_t page = 0; page < kMetaPages; ++page) {
    PutMetaPage(files_, Path(), page, MetaPageAt(files_, other, page));
    const auto meta = Open();
    ASSERT_TRUE(meta.has_value()) << meta.error().ToString();
    ExpectAllAsSaved(**meta);
    EXPECT_THAT(notes_, SizeIs(1)) << "page " << page;
  }
}

TEST_F(MetaFileTest, WhoHasItOpenMakesAPageOfAnotherPartitionAgain) {
  const std::string other = MakeOther(
      {{TopicId{3, 4}, PartitionNumber(6)}, identity_.replica, identity_.group_seed, NodeId(2)});
  const auto meta = Open();
  for (std::size_t page = 0; page < kMetaPages; ++page) {
    PutMetaPage(files_, Path(), page, MetaPageAt(files_, other, page));
    ASSERT_TRUE((*meta)->RewriteBadCopies().has_value());
    EXPECT_NE(MetaPageAt(files_, Path(), page), MetaPageAt(files_, other, page));
  }
  const auto opened = Open();
  ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
  EXPECT_THAT(notes_, IsEmpty());
  ExpectAllAsSaved(**opened);
}

// All founding replicas of a partition have the same number.
TEST_F(MetaFileTest, TheFileOfAnotherNodeIsRefused) {
  const auto refused = MetaFile::Open(files_, Path(), identity_.group, NodeId(1), &notes_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kForeignDirectory);
  EXPECT_THAT(refused.error().message, HasSubstr("replica on node 1, found that of node 2"));
}

TEST_F(MetaFileTest, TheFileOfAnotherPartitionIsRefused) {
  for (const std::uint16_t version : {std::uint16_t{4}, std::uint16_t{3}}) {
    if (version == 3) MakeMetaOld(files_, Path(), 3);
    const auto refused = MetaFile::Open(files_, Path(), {TopicId{3, 4}, PartitionNumber(6)},
                                        identity_.node, &notes_);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kForeignDirectory);
    EXPECT_THAT(refused.error().message, HasSubstr("found " + identity_.group.ToString()));
  }
}

TEST_F(MetaFileTest, AMarkThatIsMadeAgainStillNamesTheFirstSegment) {
  const auto meta = Open();
  ASSERT_TRUE((*meta)->SaveFirstSegment({Index(3), Offset(4)}).has_value());
  auto file = files_.Open(Path(), OpenMode::kWrite);
  ASSERT_TRUE((*file)->Write(4 * kPageBytes, std::vector<std::byte>(2 * kPageBytes)).has_value());
  ASSERT_TRUE((*meta)->RewriteBadCopies().has_value());
  EXPECT_EQ((*Open())->first_segment(), (SegmentName{Index(3), Offset(4)}));
}

TEST_F(MetaFileTest, EveryFlippedBitIsRepairedFromTheOtherCopyOrLowersOnlyTheMark) {
  auto file = files_.Open(Path(), OpenMode::kWrite);
  ASSERT_TRUE(file.has_value());
  std::vector<std::byte> whole(kMetaBytes);
  ASSERT_TRUE((*file)->Read(0, whole).has_value());
  for (std::size_t bit = 0; bit < kMetaBytes * 8;
       bit += 211) {  // Odd: every bit number of a byte comes up. All bits: meta_crash_test.
    auto flipped = whole;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    ASSERT_TRUE((*file)->Write(0, flipped).has_value());
    const auto meta = Open();
    ASSERT_TRUE(meta.has_value()) << "bit " << bit << ": " << meta.error().ToString();
    ASSERT_EQ(notes_.size(), 1u) << "bit " << bit;
    ASSERT_EQ((*meta)->identity(), identity_);
    ASSERT_EQ((*meta)->hard_state(), (HardState{Term(7), NodeId(2)}));
    ASSERT_LE((*meta)->mark().tail.index, Index(5));
  }
}

TEST_F(MetaFileTest, BothCopiesDamagedIsALostReplica) {
  auto file = files_.Open(Path(), OpenMode::kWrite);
  const std::vector<std::byte> zeros(2 * kPageBytes);
  ASSERT_TRUE((*file)->Write(2 * kPageBytes, zeros).has_value());
  const auto meta = Open();
  ASSERT_FALSE(meta.has_value());
  EXPECT_EQ(meta.error().code, ErrorCode::kDataCorrupt);
  EXPECT_NE(meta.error().message.find("term and vote"), std::string::npos) << meta.error().message;
}

// A death between the two copies: whoever starts may speak of what the first says, so it must not
// hang on that one page (DESIGN.md section 4, Small state).
TEST_F(MetaFileTest, AStartBringsTheCopyThatIsBehindUpToTheOther) {
  auto file = files_.Open(Path(), OpenMode::kWrite);
  std::vector<std::byte> behind(kPageBytes);
  const std::uint64_t second_at = 2 * kPageBytes, first_at = 3 * kPageBytes;  // As written.
  ASSERT_TRUE((*file)->Read(second_at, behind).has_value());
  ASSERT_TRUE((*Open())->SaveHardState({Term(9), NodeId(3)}).has_value());
  ASSERT_TRUE((*file)->Write(second_at, behind).has_value());
  EXPECT_EQ((*Open())->hard_state(), (HardState{Term(9), NodeId(3)}));

  ASSERT_TRUE((*file)->Write(first_at, std::vector<std::byte>(kPageBytes)).has_value());
  EXPECT_EQ((*Open())->hard_state(), (HardState{Term(9), NodeId(3)}));
}

TEST_F(MetaFileTest, AShortFileIsALostReplica) {
  ASSERT_TRUE(files_.Remove(Path()).has_value());
  ASSERT_TRUE(files_.Open(Path(), OpenMode::kCreate).has_value());
  EXPECT_EQ(Open().error().code, ErrorCode::kDataCorrupt);
}

TEST_F(MetaFileTest, AnUnsyncedMarkNeverTouchesTheLastSyncedCopy) {
  auto file = files_.Open(Path(), OpenMode::kWrite);
  std::vector<std::byte> before(kMetaBytes), after(kMetaBytes);
  ASSERT_TRUE((*file)->Read(0, before).has_value());
  {
    auto meta = Open();
    for (std::uint64_t i = 6; i < 12; ++i)
      ASSERT_TRUE((*meta)->WriteMark({.tail = {.index = Index(i)}}).has_value());
    EXPECT_EQ((*meta)->mark().tail.index, Index(11));
  }
  ASSERT_TRUE((*file)->Read(0, after).has_value());
  int changed = 0;
  for (std::size_t page = 4; page < 6; ++page) {
    changed += !std::equal(before.begin() + static_cast<std::ptrdiff_t>(page * kPageBytes),
                           before.begin() + static_cast<std::ptrdiff_t>((page + 1) * kPageBytes),
                           after.begin() + static_cast<std::ptrdiff_t>(page * kPageBytes));
  }
  EXPECT_EQ(changed, 1);
  EXPECT_EQ((*Open())->mark().tail.index, Index(11));
}

// Both copies of one page may be bad: the process still knows what they said. Whole ones are not
// touched.
TEST_F(MetaFileTest, WhoHasItOpenMakesBadCopiesAgain) {
  auto file = files_.Open(Path(), OpenMode::kWrite);
  const std::vector<std::byte> zeros(kPageBytes);
  auto meta = Open();
  for (std::size_t bad = 1; bad < 4 * 4; ++bad) {  // Which copies, then of which kind.
    const std::size_t kind = bad / 4;
    if (bad % 4 == 0) continue;
    std::vector<std::byte> before(kMetaBytes), after(kMetaBytes);
    ASSERT_TRUE((*file)->Read(0, before).has_value());
    for (std::size_t copy = 0; copy < 2; ++copy) {
      if ((bad % 4 & (1u << copy)) == 0) continue;
      ASSERT_TRUE((*file)->Write((2 * kind + copy) * kPageBytes, zeros).has_value());
    }
    ASSERT_TRUE((*meta)->RewriteBadCopies().has_value());
    ASSERT_TRUE((*file)->Read(0, after).has_value());
    for (std::size_t page = 0; page < 8; ++page) {
      const bool was_bad = page / 2 == kind && (bad % 4 & (1u << page % 2)) != 0;
      const bool is_same =
          std::equal(before.begin() + static_cast<std::ptrdiff_t>(page * kPageBytes),
                     before.begin() + static_cast<std::ptrdiff_t>((page + 1) * kPageBytes),
                     after.begin() + static_cast<std::ptrdiff_t>(page * kPageBytes));
      EXPECT_TRUE(is_same || was_bad) << "page " << page << " of case " << bad;
    }
    std::vector<std::string> bad_copies;
    const auto read = MetaFile::OpenToRead(files_, Path(), &bad_copies);
    ASSERT_TRUE(read.has_value()) << read.error().ToString();
    EXPECT_TRUE(bad_copies.empty()) << bad_copies.front();
    EXPECT_EQ((*read)->identity(), identity_);
    EXPECT_EQ((*read)->hard_state(), (HardState{Term(7), NodeId(2)}));
    EXPECT_EQ((*read)->mark().tail.index, Index(5));
  }
}

}  // namespace
}  // namespace raftmq
