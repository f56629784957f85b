// Damage of every shape is made good from a whole copy of the log, in portions of any size, and a
// power cut at any step of it leaves a log that opens, serves nothing wrong and is repaired again.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "segment/frame_check.h"
#include "segment/log_check.h"
#include "segment/log_compare.h"
#include "segment/segment_name.h"
#include "tests/segment/log_driver.h"

namespace raftmq {
namespace {

using Segments = std::vector<PartitionLog::SegmentInfo>;
using Frames = std::map<std::uint64_t, SharedBytes>;

std::string PathOf(const PartitionLog::SegmentInfo& segment) {
  return "/p/" + SegmentName{segment.first, segment.first_offset}.LogFile();
}

Frames FramesOf(const PartitionLog& log) {
  Frames frames;
  for (Index next = log.bounds().first; next <= log.bounds().durable;) {
    const auto slice = log.Read({.value = next.value()}, log.bounds().durable, 1u << 20)->Run();
    EXPECT_TRUE(slice.has_value());
    for (ByteSpan left = slice->bytes.view(); !left.empty(); next = next.Next()) {
      const std::size_t length = ParseBatchHeader(left)->padded_length();
      frames[next.value()] = SharedBytes::Copy(left.first(length));
      left = left.subspan(length);
    }
  }
  return frames;
}

LogOutline OutlineOf(FileSystem& files, std::size_t* faults) {
  LogOutline outline;
  const auto check = CheckPartition(
      files, "/p", {.on_entry = [&](const CheckedEntry& entry) { outline.Add(entry); }});
  EXPECT_TRUE(check.has_value());
  *faults = check->faults.size();
  for (const LogFault& fault : check->faults) outline.path += fault.path + ": " + fault.what + "; ";
  outline.committed = check->committed;
  return outline;
}

class LogRepairTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    options_ = SmallLog();
    options_.fresh_page_per_job = GetParam();
    driver_ = std::make_unique<LogDriver>(options_);
    driver_->SetCheckpointState(5000);  // In two parts.
    for (int segment = 0; segment < 3; ++segment) {
      if (segment > 0) driver_->Roll();
      for (const std::size_t bytes : {900u, 5000u, 40u}) driver_->Append(bytes);
      driver_->Stage(700);
      driver_->Stage(3000);
      driver_->Flush();
      driver_->Commit();
      driver_->Append(60);
      driver_->Background();
    }
    driver_->Commit();
    driver_->Append(30);
    driver_->Close();
    segments_ = driver_->log().Segments();
    frames_ = FramesOf(driver_->log());
    std::size_t faults = 0;
    outline_ = OutlineOf(driver_->files(), &faults);
    EXPECT_EQ(faults, 0u) << outline_.path;
  }

  std::unique_ptr<PartitionLog> Open(MemoryFileSystem& files) {
    RecoveryReport report;
    auto log = PartitionLog::Open(files, options_, &report);
    EXPECT_TRUE(log.has_value()) << log.error().ToString();
    return log ? std::move(*log) : nullptr;
  }
  // Sealed segments are not looked at by an opening.
  static void CheckAll(PartitionLog& log) {
    for (const auto& segment : log.Segments()) {
      const auto check = log.CheckSegment(segment.first);
      if (!check) continue;
      while (check->Step(1u << 20)) continue;
      for (const DamagedRange& range : check->damage()) log.MarkDamaged(range);
      if (check->index_is_bad()) log.RebuildIndex(segment.first);
    }
  }
  std::vector<SharedBytes> FramesFrom(Index first, Index last) const {
    std::vector<SharedBytes> frames;
    for (Index index = first; index <= last; index = index.Next())
      frames.push_back(frames_.at(index.value()));
    return frames;
  }
  static void Run(PartitionLog& log, std::unique_ptr<LogJob> job) {
    ASSERT_NE(job, nullptr);
    job->Write();
    job->Sync();
    log.Completed(std::move(job));
  }
  // Until nothing is damaged any more, at most so many entries at a time.
  void Repair(PartitionLog& log, std::size_t entries_max) {
    for (int rounds = 0; !log.damage().empty() && rounds < 100; ++rounds) {
      const DamagedRange range = log.damage().front();
      ASSERT_NE(range.last_hash, 0u) << range.what;
      EXPECT_EQ(range.last_hash,
                ParseBatchHeader(frames_.at(range.last.value()).view())->header_hash);
      const Index last = std::min(range.last, range.first.Plus(entries_max - 1));
      Run(log, log.TakeRepairJob(FramesFrom(range.first, last)));
      const RepairOutcome& outcome = log.last_repair();
      ASSERT_TRUE(outcome.status.has_value()) << outcome.status.error().ToString();
      ASSERT_GE(outcome.repaired_up_to, last);
    }
    ASSERT_TRUE(log.damage().empty());
    while (auto job = log.TakeBackgroundJob(2'000'000)) Run(log, std::move(job));
  }
  void ExpectWhole(MemoryFileSystem& files, const std::string& what) {
    const auto log = Open(files);
    ASSERT_NE(log, nullptr) << what;
    CheckAll(*log);
    EXPECT_TRUE(log->damage().empty()) << what << log->damage().front().what;
    const Frames found = FramesOf(*log);
    ASSERT_EQ(found.size(), frames_.size()) << what;
    for (const auto& [index, frame] : frames_)
      EXPECT_TRUE(std::ranges::equal(found.at(index).view(), frame.view())) << what << index;
    std::size_t faults = 0;
    const LogOutline outline = OutlineOf(files, &faults);
    EXPECT_EQ(faults, 0u) << what << outline.path;
    EXPECT_FALSE(CompareLogs({outline_, outline}).difference.has_value());
  }
  // The damage is there before the start, or happens while the log is open.
  void ExpectRepaired(const std::function<void(MemoryFileSystem&)>& damage, std::size_t entries_max,
                      const std::string& what) {
    SCOPED_TRACE(what + ", " + std::to_string(entries_max) + " at a time");
    MemoryFileSystem files(driver_->files().Snapshot());
    damage(files);
    {
      const auto log = Open(files);
      ASSERT_NE(log, nullptr);
      CheckAll(*log);
      EXPECT_FALSE(log->damage().empty());
      Repair(*log, entries_max);
      if (HasFatalFailure()) return;
      if (!log->NeedsReopening()) {
        EXPECT_EQ(FramesOf(*log).size(), frames_.size());
      }
      log->Close();
    }
    MemoryFileSystem again(files.Snapshot());
    ExpectWhole(again, what);
  }
  void ExpectRepairedInAnyPortions(const std::function<void(MemoryFileSystem&)>& damage,
                                   const std::string& what) {
    for (const std::size_t entries_max : Portions()) ExpectRepaired(damage, entries_max, what);
  }
  // Entries on pages of their own have to come together.
  std::vector<std::size_t> Portions() const {
    if (options_.fresh_page_per_job) return {1000};
    return {1, 2, 1000};
  }
  // Bytes of a segment are overwritten.
  static void Ruin(MemoryFileSystem& files, const PartitionLog::SegmentInfo& segment,
                   std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t at = begin; at < end; at += 40)
      files.Damage(PathOf(segment), at, std::byte{9});
  }
  void CutFile(MemoryFileSystem& files, const PartitionLog::SegmentInfo& segment,
               std::uint64_t gone) const {
    KeepOnly(files, segment, segment.used_bytes - gone);
  }
  static void KeepOnly(MemoryFileSystem& files, const PartitionLog::SegmentInfo& segment,
                       std::uint64_t kept) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(kept));
    ASSERT_TRUE((*files.Open(PathOf(segment), OpenMode::kRead))->Read(0, bytes).has_value());
    ASSERT_TRUE(files.Remove(PathOf(segment)).has_value());
    ASSERT_TRUE((*files.Open(PathOf(segment), OpenMode::kCreate))->Write(0, bytes).has_value());
  }

  LogOptions options_;
  std::unique_ptr<LogDriver> driver_;
  Segments segments_;
  Frames frames_;
  LogOutline outline_;
};

TEST_P(LogRepairTest, OneDamagedByteAnywhereIsMadeGood) {
  for (const auto& segment : segments_) {
    for (std::uint64_t at = 0; at < segment.used_bytes; at += 397) {
      MemoryFileSystem files(driver_->files().Snapshot());
      files.Damage(PathOf(segment), at, std::byte{16});
      auto log = Open(files);
      CheckAll(*log);
      if (log->damage().empty()) continue;  // Between two frames.
      log.reset();
      ExpectRepaired(
          [&](MemoryFileSystem& disk) { disk.Damage(PathOf(segment), at, std::byte{16}); }, 1000,
          PathOf(segment) + " byte " + std::to_string(at));
      if (HasFailure()) return;
    }
  }
}

TEST_P(LogRepairTest, RunsOfDamagedEntriesAreMadeGood) {
  for (const auto& segment : segments_) {
    const std::uint64_t used = segment.used_bytes;
    const std::pair<std::uint64_t, std::uint64_t> runs[] = {
        {0, 200}, {0, 4200}, {200, used / 2}, {used / 2, used}, {used - 150, used}, {0, used}};
    for (const auto& [begin, end] : runs) {
      if (&segment == &segments_.front() && end == used && begin == 0) continue;
      ExpectRepairedInAnyPortions(
          [&](MemoryFileSystem& files) { Ruin(files, segment, begin, end); },
          PathOf(segment) + " " + std::to_string(begin) + " to " + std::to_string(end));
      if (HasFailure()) return;
    }
  }
}

// Zeros stand before a fresh page, too: only what follows them tells one from the other.
TEST_P(LogRepairTest, AZeroedPageIsDamageToWhoReadsItAndIsMadeGood) {
  for (const auto& segment : segments_) {
    for (std::uint64_t page = 0; page < segment.used_bytes; page += kPageBytes) {
      SCOPED_TRACE(PathOf(segment) + " page at " + std::to_string(page));
      const auto zero = [&](MemoryFileSystem& files) {
        std::vector<std::byte> zeros(std::min(kPageBytes, segment.used_bytes - page));
        ASSERT_TRUE((*files.Open(PathOf(segment), OpenMode::kWrite))->Write(page, zeros));
      };
      MemoryFileSystem files(driver_->files().Snapshot());
      std::vector<std::byte> before(std::min(kPageBytes, segment.used_bytes - page));
      ASSERT_TRUE((*files.Open(PathOf(segment), OpenMode::kRead))->Read(page, before).has_value());
      if (IsAllZero(before)) continue;
      zero(files);
      const auto log = Open(files);
      const Index end = log->bounds().durable;
      for (Index index = segment.first; index <= end; index = index.Next()) {
        const auto read = log->Read({.value = index.value()}, end, 1);
        const auto slice = read->Run();
        const DamagedRange* const damage = slice ? nullptr : read->damage();
        const bool is_served = slice && slice->first == index && slice->last == index;
        const bool is_named = damage && damage->first <= index && damage->last >= index;
        EXPECT_TRUE(is_served || is_named) << index.value();
      }
      ExpectRepairedInAnyPortions(zero, "zeroed");
      if (HasFailure()) return;
    }
  }
}

// A disk that wrote to the wrong place: the page holds whole entries, but not those that belong
// there.
TEST_P(LogRepairTest, APageThatStandsInTheWrongPlaceIsMadeGood) {
  for (const auto& segment : segments_) {
    for (std::uint64_t from = 0; from < segment.used_bytes; from += kPageBytes) {
      for (std::uint64_t to = 0; to < segment.used_bytes; to += kPageBytes) {
        if (from == to || AlignDown(segment.used_bytes, kPageBytes) <= std::max(from, to)) continue;
        const auto misplace = [&](MemoryFileSystem& files) {
          std::vector<std::byte> page(kPageBytes);
          const auto file = *files.Open(PathOf(segment), OpenMode::kWrite);
          ASSERT_TRUE(file->Read(from, page).has_value());
          ASSERT_TRUE(file->Write(to, page).has_value());
        };
        ExpectRepairedInAnyPortions(misplace, PathOf(segment) + " page at " + std::to_string(from) +
                                                  " also at " + std::to_string(to));
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(LogRepairTest, AFileThatWasCutFromOutsideGetsItsEndAgain) {
  for (const auto& segment : segments_) {
    for (const std::uint64_t gone : {1u, 7u, 100u, 5000u}) {
      ExpectRepairedInAnyPortions([&](MemoryFileSystem& files) { CutFile(files, segment, gone); },
                                  PathOf(segment) + " cut by " + std::to_string(gone));
      if (HasFailure()) return;
    }
  }
}

// What the opening has found is enough, whatever of the last page is left: nobody may scrub for
// days.
TEST_P(LogRepairTest, AFileThatWasCutFromOutsideIsRepairedWithoutACheck) {
  const auto& segment = segments_.front();
  for (std::uint64_t gone = 1; gone < kPageBytes; gone += 97) {
    SCOPED_TRACE("cut by " + std::to_string(gone));
    MemoryFileSystem files(driver_->files().Snapshot());
    CutFile(files, segment, gone);
    {
      const auto log = Open(files);
      ASSERT_NE(log, nullptr);
      EXPECT_FALSE(log->damage().empty());
      Repair(*log, 1000);
      if (HasFatalFailure()) return;
      log->Close();
    }
    MemoryFileSystem again(files.Snapshot());
    ExpectWhole(again, PathOf(segment));
  }
}

// Leaders count on it that their followers' files take what theirs take.
TEST_P(LogRepairTest, AnActiveFileThatWasCutFromOutsideHasItsRoomAgain) {
  MemoryFileSystem whole(driver_->files().Snapshot());
  MemoryFileSystem cut(driver_->files().Snapshot());
  KeepOnly(cut, segments_.back(), AlignUp(segments_.back().used_bytes, kPageBytes));
  const auto log = Open(cut);
  ASSERT_NE(log, nullptr);
  EXPECT_TRUE(log->damage().empty());
  EXPECT_EQ(log->room_for_control(), Open(whole)->room_for_control());
}

TEST_P(LogRepairTest, DamageThatIsCutOffIsForgotten) {
  MemoryFileSystem files(driver_->files().Snapshot());
  files.Damage(PathOf(segments_.back()), segments_.back().used_bytes - 20, std::byte{1});
  const auto log = Open(files);
  ASSERT_EQ(log->damage().size(), 1u);
  const Index last = log->bounds().last;
  ASSERT_EQ(log->damage().front().first, last);
  log->TruncateAfter(last.Minus(1));
  EXPECT_TRUE(log->damage().empty()) << "what takes its place is whole";
}

TEST_P(LogRepairTest, AMissingFileIsMadeAnew) {
  for (const std::size_t i : {0u, 1u, 2u}) {
    ExpectRepairedInAnyPortions(
        [&](MemoryFileSystem& files) {
          ASSERT_TRUE(files.Remove(PathOf(segments_[i])).has_value());
        },
        "missing " + PathOf(segments_[i]));
  }
}

TEST_P(LogRepairTest, ARunMaySpanTheEndOfOneSegmentAndTheWholeOfTheNext) {
  ExpectRepairedInAnyPortions(
      [&](MemoryFileSystem& files) {
        Ruin(files, segments_[0], segments_[0].used_bytes - 4000, segments_[0].used_bytes);
        ASSERT_TRUE(files.Remove(PathOf(segments_[1])).has_value());
      },
      "two segments");
}

TEST_P(LogRepairTest, AppendsGoOnBetweenARepairOfTheActiveSegmentAndItsOpening) {
  MemoryFileSystem damaged(driver_->files().Snapshot());
  const auto& active = segments_.back();
  Ruin(damaged, active, active.used_bytes - 200, active.used_bytes);
  const auto driver = LogDriver::GoOn(options_, damaged.Snapshot());
  ASSERT_FALSE(driver->log().damage().empty());
  Repair(driver->log(), 1000);
  EXPECT_TRUE(driver->log().NeedsReopening());
  driver->Append(500);
  driver->Append(50);
  driver->Close();
  MemoryFileSystem files(driver->files().Snapshot());
  const auto log = Open(files);
  EXPECT_TRUE(log->damage().empty());
  EXPECT_FALSE(log->NeedsReopening());
  EXPECT_EQ(FramesOf(*log).size(), frames_.size() + 2);
}

// Found by the simulator: each check named the repaired entries again, and the log, which waits
// until nothing is left to be asked for, was never opened again.
TEST_P(LogRepairTest, WhatWasRepairedInTheActiveSegmentIsNotFoundDamagedAgain) {
  if (GetParam()) return;  // Nothing is repaired in portions there.
  MemoryFileSystem files(driver_->files().Snapshot());
  const auto& active = segments_.back();
  Ruin(files, active, active.used_bytes / 2, active.used_bytes);
  const auto log = Open(files);
  ASSERT_EQ(log->damage().size(), 1u);
  const DamagedRange range = log->damage().front();
  ASSERT_LT(range.first.Next(), range.last);
  for (Index index = range.first; index <= range.last; index = index.Next()) {
    Run(*log, log->TakeRepairJob(FramesFrom(index, index)));
    ASSERT_TRUE(log->last_repair().status.has_value());
    CheckAll(*log);
    log->MarkDamaged(range);
    if (index == range.last) break;
    ASSERT_EQ(log->damage().size(), 1u);
    EXPECT_EQ(log->damage().front().first, index.Next());
    EXPECT_EQ(log->damage().front().last, range.last);
  }
  EXPECT_TRUE(log->damage().empty());
}

// The very entries, but of another term: whole, and of another history.
TEST_P(LogRepairTest, FramesOfAnotherHistoryAreRefusedAndNothingIsWritten) {
  MemoryFileSystem files(driver_->files().Snapshot());
  Ruin(files, segments_[1], 6000, 9000);
  const auto log = Open(files);
  CheckAll(*log);
  const DamagedRange range = log->damage().front();
  for (Index wrong = range.first; wrong <= range.last; wrong = wrong.Next()) {
    std::vector<SharedBytes> frames;
    std::uint64_t chain = 0;
    for (const SharedBytes& frame : FramesFrom(range.first, range.last)) {
      ByteBuffer copy(frame.size());
      std::ranges::copy(frame.view(), copy.data());
      LeaderBlock leader = ParseBatchHeader(frame.view())->leader;
      if (leader.index > wrong) leader.chain = chain;
      if (leader.index == wrong) leader.append_time_ms += 1;
      chain = StampBatch(copy.span(), leader, log->group_seed());
      frames.push_back(SharedBytes(std::move(copy)));
    }
    OperationTrace trace(&files);
    Run(*log, log->TakeRepairJob(std::move(frames)));
    ASSERT_FALSE(log->last_repair().status.has_value());
    EXPECT_EQ(log->last_repair().status.error().code, ErrorCode::kDataCorrupt);
    EXPECT_EQ(log->last_repair().repaired_up_to, range.first.Minus(1));
    EXPECT_EQ(log->damage().front().first, range.first);
    for (std::size_t i = 0; i < trace.size(); ++i)
      EXPECT_NE(trace.operation(i).path, PathOf(segments_[1])) << trace.operation(i).ToString();
  }
  Repair(*log, 1000);  // The right ones still fit.
}

TEST_P(LogRepairTest, AnIndexThatACheckFoundBadIsMadeAnewWhileTheLogIsOpen) {
  MemoryFileSystem files(driver_->files().Snapshot());
  const auto log = Open(files);
  const std::string path =
      "/p/" + SegmentName{segments_[0].first, segments_[0].first_offset}.IndexFile();
  files.Damage(path, 50, std::byte{1});
  CheckAll(*log);
  EXPECT_TRUE(log->damage().empty());
  while (auto job = log->TakeBackgroundJob(2'000'000)) Run(*log, std::move(job));
  std::size_t faults = 0;
  OutlineOf(files, &faults);
  EXPECT_EQ(faults, 0u);
}

TEST_P(LogRepairTest, NoIndexIsMadeOfASegmentThatHasGoneSinceItWasChecked) {
  MemoryFileSystem files(driver_->files().Snapshot());
  const auto log = Open(files);
  const SegmentName name{segments_[0].first, segments_[0].first_offset};
  files.Damage("/p/" + name.IndexFile(), 50, std::byte{1});
  CheckAll(*log);
  ASSERT_TRUE(files.Remove(PathOf(segments_[0])).has_value());
  while (auto job = log->TakeBackgroundJob(2'000'000)) Run(*log, std::move(job));
  CheckAll(*log);
  ASSERT_FALSE(log->damage().empty());
  EXPECT_EQ(log->damage().front().first, segments_[0].first);
}

TEST_P(LogRepairTest, APowerCutAtAnyStepOfARepairIsHarmless) {
  const std::function<void(MemoryFileSystem&)> damages[] = {
      [&](MemoryFileSystem& files) { Ruin(files, segments_[1], 200, 9000); },
      [&](MemoryFileSystem& files) { CutFile(files, segments_[1], 5000); },
      [&](MemoryFileSystem& files) { static_cast<void>(files.Remove(PathOf(segments_[1]))); },
      [&](MemoryFileSystem& files) { static_cast<void>(files.Remove(PathOf(segments_[2]))); },
      [&](MemoryFileSystem& files) { Ruin(files, segments_[2], 6000, segments_[2].used_bytes); }};
  for (const auto& damage : damages) {
    MemoryFileSystem files(driver_->files().Snapshot());
    damage(files);
    // What was there is as durable as the damage.
    ASSERT_TRUE(files.SyncDirectory("/p").has_value());
    const auto entries = files.List("/p");
    for (const DirectoryEntry& entry : *entries)
      ASSERT_TRUE((*files.Open("/p/" + entry.name, OpenMode::kWrite))->Sync().has_value());
    const auto log = Open(files);
    CheckAll(*log);
    OperationTrace trace(&files);
    Repair(*log, options_.fresh_page_per_job ? 1000 : 3);
    if (HasFatalFailure()) return;
    std::size_t images = 0;
    ForEachCrashImage(trace, {.images_max = 400}, [&](const CrashImage& image) {
      if (HasFailure()) return;
      ++images;
      MemoryFileSystem left(image.disk);
      {
        const auto opened = Open(left);
        ASSERT_NE(opened, nullptr) << image.what;
        CheckAll(*opened);
        const LogContents contents = ContentsOf(*opened);
        ASSERT_EQ(contents.last(), frames_.rbegin()->first) << image.what;
        for (const auto& [index, frame] : frames_) {
          const std::uint64_t hash = contents.hashes[index];
          ASSERT_TRUE(hash == 0 || hash == ParseBatchHeader(frame.view())->header_hash)
              << image.what << ", entry " << index;
        }
        Repair(*opened, 1000);
        if (HasFatalFailure()) return;
        opened->Close();
      }
      ExpectWhole(left, image.what);
    });
    EXPECT_GT(images, 10u);
  }
}

TEST_P(LogRepairTest, AnOpenLogMakesItsMetaAgain) {
  MemoryFileSystem files(driver_->files().Snapshot());
  const auto log = Open(files);
  ASSERT_NE(log, nullptr);
  const auto file = files.Open(options_.directory + "/meta", OpenMode::kWrite);
  ASSERT_TRUE((*file)->Write(0, std::vector<std::byte>(8 * kPageBytes)).has_value());
  log->RepairMeta();
  Run(*log, log->TakeBackgroundJob(2'000'000));
  log->Close();
  ExpectWhole(files, "all pages zeroed");
}

INSTANTIATE_TEST_SUITE_P(PageOrNot, LogRepairTest, testing::Bool(), [](const auto& parameter) {
  return parameter.param ? "FreshPagePerJob" : "FramesFollowDirectly";
});

}  // namespace
}  // namespace raftmq
