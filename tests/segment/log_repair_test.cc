// Damage of every shape is made good from a whole copy of the log, in portions of any size, and a
// power cut at any step of it leaves a log that opens, serves nothing wrong and is repaired again.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "segment/fault_file_system.h"
#include "tests/segment/log_repair_fixture.h"

namespace raftmq {
namespace {

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

// Readers would go on with the next segment instead.
TEST_P(LogRepairTest, AFileMadeAnewIsNotPassedOverByReadersBeforeTheLogIsOpenedAgain) {
  MemoryFileSystem files(driver_->files().Snapshot());
  const auto& segment = segments_.front();
  ASSERT_TRUE(files.Remove(PathOf(segment)).has_value());
  const auto log = Open(files);
  const auto expect_none = [&](ReadFrom::By by, std::uint64_t from) {
    EXPECT_EQ(log->Read({by, from}, log->bounds().durable, 1), nullptr) << from;
  };
  const auto expect_none_there = [&] {
    for (Index index = segment.first; index < segments_[1].first; index = index.Next())
      expect_none(ReadFrom::By::kIndex, index.value());
    for (Offset at = segment.first_offset; at < segments_[1].first_offset; at = at.Next())
      expect_none(ReadFrom::By::kOffset, at.value());
  };
  expect_none_there();
  Repair(*log, GetParam() ? 1000 : 1);
  EXPECT_TRUE(log->NeedsReopening());
  expect_none_there();
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

// The job looks at the segment as it was when it was made.
TEST_P(LogRepairTest, WhatIsStagedDuringARepairOfTheActiveSegmentIsKnownBehindARoll) {
  if (GetParam()) return;  // The run would have to be repaired as a whole.
  MemoryFileSystem damaged(driver_->files().Snapshot());
  const auto driver = LogDriver::GoOn(options_, damaged.Snapshot());
  PartitionLog& log = driver->log();
  while (!log.CanRoll(0)) driver->Background();
  driver->Commit();
  const auto active = log.Segments().back();
  const Index hit = active.first.Plus(3);  // Behind its checkpoint.
  const BatchHeader header = *ParseBatchHeader(frames_.at(hit.value()).view());
  log.MarkDamaged({.first = hit,
                   .last = hit,
                   .first_offset = header.leader.base_offset,
                   .end_offset = header.end_offset(),
                   .last_hash = header.header_hash,
                   .term_max = header.leader.term});
  auto job = log.TakeRepairJob(FramesFrom(hit, hit));
  ASSERT_NE(job, nullptr);
  job->Write();
  job->Sync();
  driver->Stage(100, 9000);
  driver->StageRoll();
  log.Completed(std::move(job));
  ASSERT_TRUE(log.last_repair().status.has_value());
  driver->Flush();
  const auto segments = log.Segments();
  ASSERT_EQ(segments[segments.size() - 2].first, active.first);
  EXPECT_EQ(segments[segments.size() - 2].max_timestamp_ms, 9000);
}

// Found by the simulator: the last committed entry stood at the end of a sealed segment; another
// leader's entries replaced all behind it, and the log knew no more where that was.
TEST_P(LogRepairTest, ALogIsCutBehindItsLastCommittedEntryOnceThatIsRepaired) {
  LogDriver driver(options_);
  driver.Append(900);
  driver.Append(700);
  driver.Commit();
  const Index committed = driver.log().bounds().last;
  const Segments sealed = driver.log().Segments();
  driver.Roll();
  driver.Append(60);
  driver.Close();
  const Frames frames = FramesOf(driver.log());
  MemoryFileSystem files(driver.files().Snapshot());
  files.Damage(PathOf(sealed.back()), sealed.back().used_bytes - 20, std::byte{1});
  auto log = Open(files);
  CheckAll(*log);
  ASSERT_EQ(log->damage().size(), 1u);
  ASSERT_EQ(log->damage().front().last, committed);
  const Index first = log->damage().front().first;
  std::vector<SharedBytes> copies;
  for (Index i = first; i <= committed; i = i.Next()) copies.push_back(frames.at(i.value()));
  Run(*log, log->TakeRepairJob(copies));
  ASSERT_TRUE(log->damage().empty());
  if (log->NeedsReopening()) {
    log->Close();
    log = Open(files);
  }
  log->TruncateAfter(committed);
  EXPECT_EQ(log->tail().index, committed);
  EXPECT_EQ(log->tail().chain, ParseBatchHeader(frames.at(committed.value()).view())->header_hash);
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
    MakeDurable(files);
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

// The process dies between the write and the sync: what a start finds whole then may stand in the
// disk's cache only, and counts from then on.
TEST_P(LogRepairTest, WhatAKilledRepairLeftIsMadeDurableByTheNextStart) {
  const auto& segment = segments_.front();
  MemoryFileSystem files(driver_->files().Snapshot());
  Ruin(files, segment, 5000, 5100);
  MakeDurable(files);
  {
    FaultFileSystem dies(files);
    bool has_died = false;
    options_.on_fatal = [&has_died](const Error&) { has_died = true; };
    const auto log = Open(dies);
    CheckAll(*log);
    ASSERT_EQ(log->damage().size(), 1u);
    const DamagedRange range = log->damage().front();
    dies.Add({.operation = FaultOperation::kSync,
              .path_part = PathOf(segment),
              .error = ErrorCode::kIoError});
    log->TakeRepairJob(FramesFrom(range.first, range.last))->Write();
    ASSERT_TRUE(has_died);
  }
  {
    const auto log = Open(files);
    CheckAll(*log);
    ASSERT_TRUE(log->damage().empty());
  }
  UniformCrashChooser nothing(false);
  const auto left = files.AfterPowerCut(nothing);
  ExpectWhole(*left, "after a power cut");
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

TEST_P(LogRepairTest, WhatIsWholeWithinADamagedRunStaysWhereItIs) {
  const auto& segment = segments_.front();
  MemoryFileSystem files(driver_->files().Snapshot());
  Ruin(files, segment, 5000, 5100);
  Ruin(files, segment, segment.used_bytes - 150, segment.used_bytes - 50);
  {
    const auto log = Open(files);
    CheckAll(*log);
    ASSERT_EQ(log->damage().size(), 2u);
    DamagedRange both = log->damage().back();
    both.first = log->damage().front().first;
    both.first_offset = log->damage().front().first_offset;
    ASSERT_GT(both.last, both.first.Plus(2));
    log->MarkDamaged(both);
    ASSERT_EQ(log->damage().size(), 1u);
    Repair(*log, 1000);
    log->Close();
  }
  ExpectWhole(files, "");
}

// A sector that gives back wrong bytes whatever is written to it.
TEST_P(LogRepairTest, WhatTheDiskDoesNotHoldThoughItWasWrittenStaysDamagedAndIsTriedAgain) {
  MemoryFileSystem files(driver_->files().Snapshot());
  FaultFileSystem faulty(files);
  const auto& segment = segments_.front();
  const std::uint64_t bad_byte = 2 * kPageBytes + 100;
  faulty.Add({.operation = FaultOperation::kRead,
              .path_part = PathOf(segment),
              .flipped_bit = 8 * bad_byte});
  const auto log = Open(faulty);
  ASSERT_NE(log, nullptr);
  CheckAll(*log);
  ASSERT_EQ(log->damage().size(), 1u);
  const DamagedRange range = log->damage().front();
  Run(*log, log->TakeRepairJob(FramesFrom(range.first, range.last)));
  const Status& refused = log->last_repair().status;
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kDataCorrupt);
  EXPECT_TRUE(refused.error().message.ends_with("does not hold what was written to it"))
      << refused.error().message;
  ASSERT_EQ(log->damage().size(), 1u);
  faulty.Clear();
  Repair(*log, 1000);
  log->Close();
  MemoryFileSystem again(files.Snapshot());
  ExpectWhole(again, "the sector is well again");
}

// Of what was repaired in it the log in memory knows nothing before it is opened again.
TEST_P(LogRepairTest, ASegmentThatWasRepairedWhileActiveIsSealedWithoutAnIndex) {
  MemoryFileSystem files(driver_->files().Snapshot());
  Ruin(files, segments_.back(), 0, 100);
  const auto driver = LogDriver::GoOn(options_, files.Snapshot());
  const DamagedRange range = driver->log().damage().front();
  Run(driver->log(), driver->log().TakeRepairJob(FramesFrom(range.first, range.last)));
  ASSERT_TRUE(driver->log().damage().empty());
  ASSERT_TRUE(driver->log().NeedsReopening());
  driver->Roll();
  driver->Close();
  std::size_t faults = 0;
  const LogOutline outline = OutlineOf(driver->files(), &faults);
  EXPECT_EQ(faults, 0u) << outline.path;
}

INSTANTIATE_TEST_SUITE_P(PageOrNot, LogRepairTest, testing::Bool(), NameOfLayout);

}  // namespace
}  // namespace raftmq
