// A log of three segments, a whole copy of its entries to repair it from, and the check that
// nothing is missing afterwards.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "segment/frame_check.h"
#include "segment/log_check.h"
#include "segment/log_compare.h"
#include "segment/segment_name.h"
#include "tests/segment/log_driver.h"

namespace raftmq {

using Segments = std::vector<PartitionLog::SegmentInfo>;
using Frames = std::map<std::uint64_t, SharedBytes>;

inline std::string PathOf(const PartitionLog::SegmentInfo& segment) {
  return "/p/" + SegmentName{segment.first, segment.first_offset}.LogFile();
}

inline Frames FramesOf(const PartitionLog& log) {
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

inline LogOutline OutlineOf(FileSystem& files, std::size_t* faults) {
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

  std::unique_ptr<PartitionLog> Open(FileSystem& files) {
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
    bool collects = false;  // As a group does after a refusal.
    for (int rounds = 0; !log.damage().empty() && rounds < 100; ++rounds) {
      const DamagedRange range = log.ToRepair().front();
      ASSERT_NE(range.last_hash, 0u) << range.what;
      EXPECT_EQ(range.last_hash,
                ParseBatchHeader(frames_.at(range.last.value()).view())->header_hash);
      const Index last =
          collects ? range.last : std::min(range.last, range.first.Plus(entries_max - 1));
      Run(log, log.TakeRepairJob(FramesFrom(range.first, last)));
      const RepairOutcome& outcome = log.last_repair();
      if (!outcome.status && !std::exchange(collects, true)) continue;
      const DamagedRange now = log.damage().empty() ? range : log.ToRepair().front();
      if (outcome.is_misfit && (now.first < range.first || now.last > range.last)) continue;
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
  // Damage, and what was there before it.
  static void MakeDurable(MemoryFileSystem& files) {
    ASSERT_TRUE(files.SyncDirectory("/p").has_value());
    const auto entries = files.List("/p");
    for (const DirectoryEntry& entry : *entries)
      ASSERT_TRUE((*files.Open("/p/" + entry.name, OpenMode::kWrite))->Sync().has_value());
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

inline std::string NameOfLayout(const testing::TestParamInfo<bool>& layout) {
  return layout.param ? "FreshPagePerJob" : "FramesFollowDirectly";
}

}  // namespace raftmq
