#include "segment/log_recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "segment/log_recovery_run.h"

namespace raftmq {

Status LogRecovery::OpenMeta() {
  RAFTMQ_TRY_ASSIGN(auto meta, MetaFile::Open(files_, options_.directory + "/meta", options_.group,
                                              options_.self, &report_->notes));
  log_.identity = meta->identity();
  report_->replica = log_.identity.replica;
  report_->hard_state = meta->hard_state();
  report_->base = meta->intent().base;
  log_.disk = std::make_shared<LogDisk>(files_, options_.directory, std::move(meta));
  const LogIntent& intent = log_.disk->meta().intent();
  if (intent.pending != LogIntent::Pending::kNone) {
    report_->notes.push_back(
        fmt::format("finished the {} after index {}",
                    intent.pending == LogIntent::Pending::kCut ? "cut" : "reset: the log begins",
                    intent.after.tail.index.value()));
    RAFTMQ_TRY(log_.disk->FinishIntent());
  }
  log_.mark = log_.disk->meta().mark();
  report_->commit_floor = log_.mark.committed;
  return Ok();
}

Status LogRecovery::ListSegments() {
  RAFTMQ_TRY_ASSIGN(const auto entries, files_.List(options_.directory));
  for (const auto& entry : entries) {
    const auto name = ParseSegmentLogFile(entry.name);
    if (!name) {
      if (entry.name.ends_with(".tmp"))
        RAFTMQ_TRY(files_.Remove(options_.directory + "/" + entry.name));
      continue;
    }
    if (entry.type != FileType::kRegular) {
      return Fail(
          ErrorCode::kForeignDirectory,
          fmt::format("expected a regular file at '{}', found another type", PathOf(*name)));
    }
    Segment segment;
    segment.name = *name;
    segment.path = PathOf(*name);
    log_.segments.push_back(std::move(segment));
  }
  if (!log_.segments.empty()) {
    const bool is_at_front =
        report_->base && log_.segments.front().name.first == report_->base->before.index.Next();
    if (!is_at_front) report_->base.reset();
  } else if (!report_->base || log_.mark.tail != report_->base->before) {
    return Fail(
        ErrorCode::kDataCorrupt,
        fmt::format("'{}' has no segment file left: this replica is lost", options_.directory));
  }
  return Ok();
}

// The mark names the first segment. Older files were about to be deleted; that a newer one is in
// front is judged with the other holes.
Status LogRecovery::SettleFirst() {
  const SegmentName first = log_.disk->meta().first_segment();
  while (log_.segments.size() > 1 && log_.segments.front().name < first) {
    report_->notes.push_back(
        fmt::format("deleted '{}': the log begins behind it", log_.segments.front().path));
    RAFTMQ_TRY(log_.disk->Delete(log_.segments.front().name, first));
    log_.segments.pop_front();
  }
  const bool is_known = first.first > Index(0);
  log_.first = is_known ? first : log_.segments.front().name;
  return is_known ? Ok() : log_.disk->RaiseFirst(log_.first);
}

// After a reset: nothing of the new log has arrived whole.
bool LogRecovery::HoldsNothing() const {
  return report_->base && log_.mark.tail == report_->base->before &&
         log_.segments.front().staged_end == 0;
}

Result<RecoveredLog> LogRecovery::BeginBehindBase() {
  log_.segments = {SegmentBehind(*report_->base)};
  log_.first = log_.segments.front().name;
  log_.active_is_missing = true;
  log_.tail = report_->base->before;
  log_.marks.clear();
  TakeBase();
  if (std::exchange(log_.mark.unproven, Index(0)) != Index(0)) {
    RAFTMQ_TRY(log_.disk->WriteMark(log_.mark));
    RAFTMQ_TRY(log_.disk->SyncMeta());
  }
  report_->commit_floor = log_.tail.index;
  report_->tail = log_.tail;
  log_.commit_floor = report_->commit_floor;
  return std::move(log_);
}

// What stands in the checkpoint is not known yet, but for what the reset said.
void LogRecovery::TakeBase() {
  report_->newest_checkpoint = {.group = log_.identity.group,
                                .group_seed = log_.identity.group_seed,
                                .membership = report_->base->membership,
                                .before = report_->base->before,
                                .log_start = report_->base->before.next_offset};
  report_->newest_checkpoint_index = report_->base->before.index.Next();
}

// What readers and the next appends see.
Status LogRecovery::OpenViews() {
  log_.segments.back().sealed = log_.active_is_missing;
  for (auto& segment : log_.segments) {
    const bool may_be_written_to = segment.tail.index >= report_->commit_floor;  // After a cut.
    if (may_be_written_to) RAFTMQ_TRY(ExtendShortened(segment));
    RAFTMQ_TRY_ASSIGN(segment.view.map, log_.disk->MapOf(segment.name));
    segment.allocated_bytes = segment.view.map->bytes().size();
    if (may_be_written_to) {
      RAFTMQ_TRY_ASSIGN(segment.allocated_bytes, CapacityOf(segment));
    }
    segment.view.end = segment.staged_end;
    segment.view.page_at = segment.sealed ? AlignUp(segment.staged_end, kPageBytes)
                                          : AlignDown(segment.staged_end, kPageBytes);
    segment.view.map->AdviseSequential(segment.sealed);
  }
  if (!log_.active_is_missing) log_.segments.back().view.page = log_.disk->UnfinishedPage();
  return Ok();
}

Result<RecoveredLog> LogRecovery::Run() {
  RAFTMQ_TRY(OpenMeta());
  RAFTMQ_TRY(ListSegments());
  if (log_.segments.empty()) return BeginBehindBase();
  RAFTMQ_TRY(SettleFirst());
  RAFTMQ_TRY(ScanAboveMark());
  RAFTMQ_TRY(Judge());
  if (HoldsNothing()) {
    const LogBase base = *report_->base;
    RAFTMQ_TRY(log_.disk->Reset(log_.mark, base));
    return BeginBehindBase();
  }
  RAFTMQ_TRY(UndoEmptyRoll());
  RAFTMQ_TRY(SyncScanned());
  RAFTMQ_TRY(SettleTail());
  RAFTMQ_TRY(WriteScannedIndexes());
  if (report_->base)
    report_->commit_floor = std::max(report_->commit_floor, report_->base->checkpoint_last);
  report_->commit_floor = std::min(report_->commit_floor, log_.tail.index);
  RAFTMQ_TRY(CompleteMarks());
  RAFTMQ_TRY(FindCheckpoint());
  RAFTMQ_TRY(MarkTail());
  RAFTMQ_TRY(OpenViews());
  report_->tail = log_.tail;
  log_.commit_floor = report_->commit_floor;
  return std::move(log_);
}

Result<RecoveredLog> RecoverLog(FileSystem& files, const LogOptions& options,
                                RecoveryReport* report) {
  return LogRecovery(files, options, report).Run();
}

}  // namespace raftmq
