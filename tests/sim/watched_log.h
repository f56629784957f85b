// A partition's log, with a witness of all that its group does to it.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "segment/partition_log.h"
#include "tests/sim/partition_truth.h"
#include "tests/sim/replica_record.h"

namespace raftmq::sim {

// `truth` and `record` outlive it.
class WatchedLog final : public PartitionLog {
 public:
  WatchedLog(std::unique_ptr<PartitionLog> log, PartitionTruth& truth, ReplicaRecord& record)
      : log_(std::move(log)), truth_(truth), record_(record) {}

  void Stage(SharedBytes frame) override {
    truth_.Staged(record_, frame);
    if (has_cut_ && record_.entries.back().kind == EntryKind::kCheckpoint)
      truth_.Reach(Mark::kRollWhileCutting);
    log_->Stage(std::move(frame));
  }
  void SaveHardState(const HardState& state) override {
    truth_.Saves(record_, state);
    log_->SaveHardState(state);
  }
  void TruncateAfter(Index last_kept) override {
    truth_.Cut(record_, last_kept);
    has_cut_ = true;
    if (under_way_) under_way_->last = std::min(under_way_->last, last_kept);
    log_->TruncateAfter(last_kept);
    KnowLess();
  }
  void Reset(const LogBase& base) override {
    truth_.Reset(record_, base);
    if (under_way_) under_way_->last = Index(0);  // What it writes goes, too.
    log_->Reset(base);
    KnowLess();
  }
  std::unique_ptr<LogJob> TakeJob() override {
    auto job = log_->TakeJob();
    has_cut_ = false;
    if (job) under_way_ = UnderWay{record_.last(), record_.staged_state};
    return job;
  }
  void Completed(std::unique_ptr<LogJob> job) override {
    log_->Completed(std::move(job));
    KnowLess();
    if (std::exchange(record_.is_repairing, false)) Repaired();
    if (!under_way_) return;  // Background work moves nothing.
    record_.durable = std::max(record_.durable, under_way_->last);
    record_.durable_state = under_way_->state;
    under_way_.reset();
  }

  LogBounds bounds() const override { return log_->bounds(); }
  std::uint64_t group_seed() const override { return log_->group_seed(); }
  LogTail tail() const override { return log_->tail(); }
  std::optional<Term> TermAt(Index index) const override { return log_->TermAt(index); }
  std::uint64_t room_for_data() const override { return log_->room_for_data(); }
  std::uint64_t room_for_control() const override { return log_->room_for_control(); }
  std::optional<std::uint64_t> BytesLeftBehind(Index last_kept) const override {
    return log_->BytesLeftBehind(last_kept);
  }
  std::uint64_t NextSegmentBytes(std::int64_t now_ms) const override {
    return log_->NextSegmentBytes(now_ms);
  }
  Status CanRoll(std::uint64_t bytes_min) override {
    Status status = log_->CanRoll(bytes_min);
    if (!status && status.error().code == ErrorCode::kDiskFull) truth_.Reach(Mark::kFullAtRoll);
    return status;
  }
  std::unique_ptr<LogJob> TakeBackgroundJob(std::int64_t now_ms) override {
    return log_->TakeBackgroundJob(now_ms);
  }
  void TruncateBefore(Index first_kept) override {
    log_->TruncateBefore(first_kept);
    truth_.Trimmed(record_, log_->bounds().first);
  }
  std::unique_ptr<LogRead> Read(ReadFrom from, Index up_to, std::size_t bytes_max) const override {
    if (from.by == ReadFrom::By::kIndex) truth_.Reach(Mark::kCatchUpFromFiles);
    return log_->Read(from, up_to, bytes_max);
  }
  std::vector<SegmentInfo> Segments() const override { return log_->Segments(); }
  const std::vector<DamagedRange>& damage() const override { return log_->damage(); }
  void MarkDamaged(const DamagedRange& range) override { log_->MarkDamaged(range); }
  std::unique_ptr<SegmentCheck> CheckSegment(Index index) const override {
    return log_->CheckSegment(index);
  }
  std::unique_ptr<LogJob> TakeRepairJob(std::vector<SharedBytes> frames) override {
    auto job = log_->TakeRepairJob(std::move(frames));
    if (job) record_.is_repairing = true;
    return job;
  }
  const RepairOutcome& last_repair() const override { return log_->last_repair(); }
  std::vector<DamagedRange> ToRepair() const override { return log_->ToRepair(); }
  bool SplitDamage(const LogTail& end) override { return log_->SplitDamage(end); }
  bool NeedsReopening() const override { return log_->NeedsReopening(); }
  void KeepFilesForEarlierReaders() override { log_->KeepFilesForEarlierReaders(); }
  void RebuildIndex(Index segment_first) override {
    truth_.Reach(Mark::kIndexRebuilt);
    log_->RebuildIndex(segment_first);
  }
  void RepairMeta() override { log_->RepairMeta(); }
  void Committed(Index index) override { log_->Committed(index); }
  void Close() override { log_->Close(); }

 private:
  // Of the damage that the group knows of, some is gone.
  void KnowLess() {
    const std::vector<DamagedRange>& damage = log_->damage();
    if (damage.empty()) record_.first_damaged = Index(0);
    if (record_.first_damaged != Index(0))
      record_.first_damaged = std::max(record_.first_damaged, damage.front().first);
  }
  void Repaired() {
    if (!log_->last_repair().status) return truth_.Reach(Mark::kRepairRefused);
    if (!log_->NeedsReopening()) truth_.Reach(Mark::kRepairedInPlace);
  }

  struct UnderWay {
    Index last;
    HardState state;
  };

  const std::unique_ptr<PartitionLog> log_;
  PartitionTruth& truth_;
  ReplicaRecord& record_;
  bool has_cut_ = false;               // Since the last job.
  std::optional<UnderWay> under_way_;  // The job that moves the log's end; one at a time.
};

}  // namespace raftmq::sim
