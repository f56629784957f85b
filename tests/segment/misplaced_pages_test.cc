// Pages that a disk wrote to the wrong place: whole entries stand where others belong, and repairs
// must neither build on them nor leave any behind.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "tests/segment/log_repair_fixture.h"

namespace raftmq {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class MisplacedPages : public LogRepairTest {
 public:
  static void CopyPage(MemoryFileSystem& files, const PartitionLog::SegmentInfo& segment,
                       std::uint64_t from, std::uint64_t to) {
    std::vector<std::byte> page(kPageBytes);
    const auto file = *files.Open(PathOf(segment), OpenMode::kWrite);
    ASSERT_TRUE(file->Read(from, page).has_value());
    ASSERT_TRUE(file->Write(to, page).has_value());
  }
  static void ZeroPage(MemoryFileSystem& files, const PartitionLog::SegmentInfo& segment,
                       std::uint64_t at) {
    const auto file = *files.Open(PathOf(segment), OpenMode::kWrite);
    ASSERT_TRUE(file->Write(at, std::vector<std::byte>(kPageBytes)).has_value());
  }

 protected:
  // What is damaged is found by a check and repaired; the log as it stands after that.
  MemoryDisk Healed(MemoryFileSystem& files) {
    {
      const auto log = Open(files);
      CheckAll(*log);
      Repair(*log, 1000);
      log->Close();
    }
    return files.Snapshot();
  }
};

// A disk that wrote to the wrong place: the page holds whole entries, but not those that belong
// there. In their own place may stand what was there before, zeros.
TEST_P(MisplacedPages, AreMadeGood) {
  for (const auto& segment : segments_) {
    for (std::uint64_t from = 0; from < segment.used_bytes; from += kPageBytes) {
      for (std::uint64_t to = 0; to < segment.used_bytes; to += kPageBytes) {
        if (from == to || AlignDown(segment.used_bytes, kPageBytes) <= std::max(from, to)) continue;
        for (const bool is_copy : {true, false}) {
          const auto misplace = [&](MemoryFileSystem& files) {
            CopyPage(files, segment, from, to);
            if (!is_copy) ZeroPage(files, segment, from);
          };
          ExpectRepairedInAnyPortions(misplace,
                                      fmt::format("{} page at {} {} at {}", PathOf(segment), from,
                                                  is_copy ? "also" : "instead", to));
          if (HasFailure()) return;
        }
      }
    }
  }
}

// The first repair must not leave the copies where a later one takes them for the entries.
TEST_P(MisplacedPages, LeaveNothingBehindOnceTheyAreMadeGood) {
  for (const auto& segment : segments_) {
    const std::uint64_t end = AlignDown(segment.used_bytes, kPageBytes);
    for (std::uint64_t from = 0; from < end; from += kPageBytes) {
      for (std::uint64_t to = 0; to < end; to += kPageBytes) {
        if (from == to) continue;
        SCOPED_TRACE(
            fmt::format("{} page at {} also at {}, then zeroed", PathOf(segment), from, to));
        MemoryFileSystem once(driver_->files().Snapshot());
        CopyPage(once, segment, from, to);
        MemoryFileSystem twice(Healed(once));
        ZeroPage(twice, segment, from);
        MemoryFileSystem healed(Healed(twice));
        ExpectWhole(healed, "");
        if (HasFailure()) return;
      }
    }
  }
}

// Ten small entries on pages of their own, and what follows them in another segment.
class MisplacedPage : public ::testing::Test {
 protected:
  MisplacedPage() {
    options_.fresh_page_per_job = true;
    LogDriver driver(options_);
    for (int i = 0; i < 10; ++i) driver.Append(100);
    last_ = driver.log().bounds().durable;
    driver.Roll();
    driver.Append(100);
    driver.Commit();
    driver.Close();
    segment_ = driver.log().Segments().front();
    frames_ = FramesOf(driver.log());
    files_ = std::make_unique<MemoryFileSystem>(driver.files().Snapshot());
    EXPECT_TRUE(
        files_->Remove("/p/" + SegmentName{segment_.first, segment_.first_offset}.IndexFile()));
  }
  // Of one of the ten.
  std::uint64_t PageOf(Index index) const {
    return AlignUp(segment_.used_bytes, kPageBytes) -
           (last_.value() - index.value() + 1) * kPageBytes;
  }
  std::unique_ptr<PartitionLog> Open() {
    RecoveryReport report;
    auto log = PartitionLog::Open(*files_, options_, &report);
    EXPECT_TRUE(log.has_value()) << log.error().ToString();
    return log ? std::move(*log) : nullptr;
  }
  static std::vector<std::pair<Index, Index>> DamagedIn(const PartitionLog& log) {
    std::vector<std::pair<Index, Index>> damaged;
    for (const DamagedRange& range : log.damage()) damaged.emplace_back(range.first, range.last);
    return damaged;
  }

  LogOptions options_ = SmallLog();
  std::unique_ptr<MemoryFileSystem> files_;
  PartitionLog::SegmentInfo segment_;
  Index last_;
  Frames frames_;
};

// What is whole and only gives way stays readable, and counts, until it is written.
TEST_F(MisplacedPage, WhatIsRepairedTogetherWithItIsNotDamaged) {
  const Index lost = last_.Minus(7), hit = last_.Minus(3);
  MisplacedPages::CopyPage(*files_, segment_, PageOf(lost), PageOf(hit));
  MisplacedPages::ZeroPage(*files_, segment_, PageOf(lost));
  const auto log = Open();
  const auto damaged = DamagedIn(*log);
  const auto widen = [&log, this] {
    const DamagedRange range = log->ToRepair().front();
    std::vector<SharedBytes> copies;
    for (Index i = range.first; i <= range.last; i = i.Next())
      copies.push_back(frames_.at(i.value()));
    auto job = log->TakeRepairJob(copies);
    job->Write();
    job->Sync();
    log->Completed(std::move(job));
    return log->last_repair().is_misfit;
  };
  if (!widen()) return;  // It fitted by itself.
  EXPECT_EQ(DamagedIn(*log), damaged);
  EXPECT_GT(log->ToRepair().front().last, damaged.front().second);
}

// A copy further behind than the writer would have put the entry is not the entry.
TEST_F(MisplacedPage, CostsTheEntriesOfTwoPagesAndNoneBetweenThem) {
  const Index lost = last_.Minus(7), hit = last_.Minus(3);
  MisplacedPages::CopyPage(*files_, segment_, PageOf(lost), PageOf(hit));
  MisplacedPages::ZeroPage(*files_, segment_, PageOf(lost));
  const auto log = Open();
  EXPECT_THAT(DamagedIn(*log), ElementsAre(Pair(lost, lost), Pair(hit, hit)));
}

// Then it is written directly behind the one before it.
TEST_F(MisplacedPage, InPlaceOfASegmentsLastEntryIsZerosOnceThatStandsElsewhere) {
  MisplacedPages::CopyPage(*files_, segment_, PageOf(last_.Minus(5)), PageOf(last_));
  const auto log = Open();
  ASSERT_THAT(DamagedIn(*log), ElementsAre(Pair(last_, last_)));
  std::unique_ptr<LogJob> job = log->TakeRepairJob({frames_.at(last_.value())});
  ASSERT_NE(job, nullptr);
  job->Write();
  job->Sync();
  log->Completed(std::move(job));
  ASSERT_TRUE(log->last_repair().status.has_value());
  const auto file = *files_->Open(PathOf(segment_), OpenMode::kRead);
  std::vector<std::byte> behind(*file->Size() - PageOf(last_));
  ASSERT_TRUE(file->Read(PageOf(last_), behind).has_value());
  EXPECT_TRUE(IsAllZero(behind));
}

INSTANTIATE_TEST_SUITE_P(PageOrNot, MisplacedPages, testing::Bool(), NameOfLayout);

}  // namespace
}  // namespace raftmq
