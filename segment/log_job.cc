#include "segment/log_job.h"

#include "segment/fatal_io.h"

namespace raftmq {

StepJob::StepJob(std::shared_ptr<LogDisk> disk, std::vector<LogStep> steps, LogMark after,
                 std::function<void(const Error&)> on_fatal)
    : disk_(std::move(disk)),
      steps_(std::move(steps)),
      after_(after),
      on_fatal_(std::move(on_fatal)) {
  for (const auto& step : steps_) {
    const bool is_background =
        std::holds_alternative<PrepareStep>(step) || std::holds_alternative<DeleteStep>(step) ||
        std::holds_alternative<RepairStep>(step) || std::holds_alternative<IndexStep>(step) ||
        std::holds_alternative<RepairMetaStep>(step);
    if (!is_background) is_background_ = false;
    if (std::holds_alternative<CutStep>(step) || std::holds_alternative<ResetStep>(step))
      moves_tail_ = true;
    const auto* append = std::get_if<AppendStep>(&step);
    if (!append) continue;
    moves_tail_ = true;
    for (const auto& frame : append->frames) bytes_ += frame.size();
  }
}

void StepJob::Write() {
  for (auto& step : steps_) {
    if (failed_) return;
    if (const Status done = Run(step); !done) Fatal(done.error());
  }
}

void StepJob::Sync() {
  if (failed_ || !moves_tail_) return;
  if (const Status synced = disk_->SyncActive(); !synced) return Fatal(synced.error());
  unfinished_page_ = disk_->UnfinishedPage();
}

void StepJob::Fatal(const Error& error) {
  failed_ = true;
  if (on_fatal_) return on_fatal_(error);
  DieOfFailedWrite(error);
}

Status StepJob::Run(LogStep& any) {
  if (auto* append = std::get_if<AppendStep>(&any))
    return disk_->Append(append->frames, append->on_fresh_page);
  if (auto* hard = std::get_if<HardStateStep>(&any)) return disk_->SaveHardState(hard->state);
  if (auto* cut = std::get_if<CutStep>(&any)) return disk_->Cut(cut->mark, cut->newer);
  if (auto* reset = std::get_if<ResetStep>(&any)) return disk_->Reset(reset->mark, reset->base);
  if (auto* remove = std::get_if<DeleteStep>(&any))
    return disk_->Delete(remove->name, remove->first);
  if (auto* mark = std::get_if<MarkStep>(&any)) {
    RAFTMQ_TRY(disk_->WriteMark(mark->mark));
    return mark->sync ? disk_->SyncMeta() : Ok();
  }
  if (auto* roll = std::get_if<RollStep>(&any)) {
    RAFTMQ_TRY(disk_->RollOver(roll->roll));
    RAFTMQ_TRY_ASSIGN(auto map, disk_->MapOf(roll->roll.next));
    opened_.emplace_back(roll->roll.next, std::move(map));
    return Ok();
  }
  if (auto* repair = std::get_if<RepairStep>(&any)) {
    RAFTMQ_TRY_ASSIGN(repair_, RepairLog(*disk_, repair->order));
    unfinished_page_ = disk_->UnfinishedPage();
    return Ok();
  }
  if (auto* index = std::get_if<IndexStep>(&any)) {
    auto segment = RebuildIndexOf(*disk_, index->where);
    // The segment's file has gone: that is damage, for a check to find.
    if (!segment && segment.error().code == ErrorCode::kNotFound) return Ok();
    if (!segment) return Fail(segment.error());
    reindexed_.push_back(std::move(*segment));
    return Ok();
  }
  if (std::holds_alternative<RepairMetaStep>(any)) return disk_->RepairMeta();
  const auto& prepare = std::get<PrepareStep>(any);
  switch (prepare.kind) {
    case PrepareStep::Kind::kNew:
      prepare_status_ = disk_->PrepareNew(prepare.capacity, prepare.space);
      break;
    case PrepareStep::Kind::kReused:
      prepare_status_ =
          disk_->PrepareReused(prepare.freed, prepare.first, prepare.capacity, prepare.space);
      break;
    case PrepareStep::Kind::kZero:
      prepare_status_ = disk_->ZeroPrepared(prepare.at, prepare.count);
      break;
    case PrepareStep::Kind::kSync:
      prepare_status_ = disk_->SyncPrepared();
      break;
    case PrepareStep::Kind::kDrop:
      prepare_status_ = disk_->DropPrepared();
      break;
  }
  if (prepare_status_ || prepare_status_.error().code != ErrorCode::kDiskFull)
    return prepare_status_;
  return disk_->DropPrepared();  // What it took is given back.
}

}  // namespace raftmq
