// Jobs to the disk and back: what is synced counts, what is committed is answered.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/replica_group.h"

namespace raftmq {
namespace {

// The last job of a log.
class CloseJob final : public LogJob {
 public:
  explicit CloseJob(std::shared_ptr<PartitionLog> log) : log_(std::move(log)) {}
  void Write() override { log_->Close(); }
  void Sync() override {}
  std::uint64_t bytes() const override { return 0; }

 private:
  std::shared_ptr<PartitionLog> log_;
};

}  // namespace

// At most one job of this log is under way; meanwhile the next gathers. Background jobs take turns
// with the others, so that neither waits for ever.
void ReplicaGroup::MaybeSubmit() {
  if (job_under_way_) return;
  if (failure_) return MaybeFinishDrain();
  if (last_status_) return;
  if (background_next_ && SubmitBackground()) return;
  if (SubmitJob()) return;
  if (!background_next_ && SubmitBackground()) return;
  MaybeFinishDrain();
}

bool ReplicaGroup::SubmitJob() {
  std::unique_ptr<LogJob> job = log_->TakeJob();
  if (!job) return false;
  job_under_way_ = true;
  job_began_ = deps_.clock.SteadyNow();
  background_next_ = true;
  for (const Microseconds proposed_at : staged_proposals_) {
    const Microseconds waited = job_began_ - proposed_at;
    deps_.metrics.queue_us.Record(static_cast<std::uint64_t>(waited.count()));
  }
  staged_proposals_.clear();
  deps_.disk.Submit({.job = std::move(job),
                     .entries = std::exchange(staged_entries_, 0),
                     .done = [this, log = log_, alive = std::weak_ptr(alive_),
                              mark = staged_mark_](std::unique_ptr<LogJob> done) {
                       if (!alive.expired()) OnJobDone(std::move(done), mark);
                     }});
  return true;
}

// A job that finds no space comes again at once: the budget keeps that from being a busy loop.
bool ReplicaGroup::SubmitBackground() {
  if (background_budget_ == 0) return false;
  std::unique_ptr<LogJob> job = TakeRepairJob();
  if (!job) job = log_->TakeBackgroundJob(deps_.clock.WallNowMs());
  if (!job) return false;
  --background_budget_;
  job_under_way_ = true;
  job_began_ = deps_.clock.SteadyNow();
  background_next_ = false;
  deps_.disk.SubmitBackground(
      {.job = std::move(job),
       .done = [this, log = log_, alive = std::weak_ptr(alive_)](std::unique_ptr<LogJob> done) {
         if (!alive.expired()) OnBackgroundDone(std::move(done));
       }});
  return true;
}

void ReplicaGroup::OnJobDone(std::unique_ptr<LogJob> job, const DurableMark& mark) {
  log_->Completed(std::move(job));
  job_under_way_ = false;
  if (failure_) return MaybeSubmit();
  background_budget_ = kBackgroundJobsPerTick;
  core_.Persisted(mark);
  const Microseconds now = deps_.clock.SteadyNow();
  deps_.metrics.append_latency_us.Record(static_cast<std::uint64_t>((now - job_began_).count()));
  if (proposals_.has_waiting()) synced_.push_back({mark.last, now});
  log_->Committed(core_.status().commit);
  // What lies before the log is on no disk any more, and needs none.
  state_.SetDurable(std::max(core_.status().durable.last, log_->bounds().first.Minus(1)));
  CarryOut({});
  OnAppliedOrCommitted();
  ReleaseHeld();
  // Only now, so that those who were just woken still find the entries in memory.
  cache_.SetDurable(core_.status().durable.last);
  // A completion is a turn of its own: the followers hear of the commit now.
  TurnEnd();
}

void ReplicaGroup::OnBackgroundDone(std::unique_ptr<LogJob> job) {
  log_->Completed(std::move(job));
  job_under_way_ = false;
  FinishRepair();
  ReleaseHeld();
  MaybeSubmit();
}

void ReplicaGroup::OnAppliedOrCommitted() {
  if (failure_) return;
  const RaftStatus& raft = core_.status();
  state_.SetCommit(raft.commit);
  if (options_.internal) applier_.Advance(raft.commit, raft.durable.last);
  if (failure_) return;
  AnswerCommitted();
  AnswerReads();
  DropOldSegments();
  const Index visible = VisibleCommit();
  if (visible == reported_commit_) return;
  reported_commit_ = visible;
  if (on_commit_) on_commit_();
}

// A command counts once it has taken effect here; after a reset the state is still to come.
Index ReplicaGroup::VisibleCommit() const {
  if (!options_.internal) return core_.status().commit;
  return state_.AwaitsCheckpoint() ? Index(0) : applier_.applied();
}

void ReplicaGroup::AnswerCommitted() {
  const Index commit = VisibleCommit();
  while (proposals_.HasCommitted(commit)) {
    const Proposals::Waiting waiting = proposals_.TakeCommitted();
    const Microseconds now = deps_.clock.SteadyNow();
    const Microseconds took = now - waiting.proposed_at;
    deps_.metrics.commit_latency_us.Record(static_cast<std::uint64_t>(took.count()));
    while (!synced_.empty() && synced_.front().last < waiting.proposed.index) synced_.pop_front();
    const Microseconds alone = synced_.empty() ? Microseconds(0) : now - synced_.front().at;
    deps_.metrics.replication_us.Record(static_cast<std::uint64_t>(alone.count()));
    waiting.done(waiting.proposed);
  }
  if (!proposals_.has_waiting()) synced_.clear();
  UpdateGauges();
}

void ReplicaGroup::Drain(std::function<void()> done) {
  if (closed_) return done();
  drained_.push_back(std::move(done));
  if (std::exchange(draining_, true)) return;
  EndTransfer(Fail(ErrorCode::kDraining, "the broker is shutting down"));
  while (proposals_.has_held()) {
    const Proposal held = proposals_.TakeHeld();
    if (held.done) held.done(Fail(ErrorCode::kDraining, "the broker is shutting down"));
  }
  // It counts itself only up to its damage until its log is opened again, and what waits here may
  // need just that.
  if (is_reopening_due_) {
    core_.GiveUp();
    CarryOut({});
    proposals_.LoseAbove(Index(0), UnknownOutcome());
  }
  MaybeSubmit();
}

void ReplicaGroup::MaybeFinishDrain() {
  // Whoever does not lead any more is told by the next leader what became of its proposals.
  if (!draining_ || reader_.IsBusy() || proposals_.has_waiting()) return;
  // From here on the disk thread has the log.
  last_status_ = std::make_unique<GroupStatus>(status());
  if (deps_.heartbeats != nullptr) deps_.heartbeats->Update(options_.log.group, {});
  job_under_way_ = true;
  deps_.disk.Submit({.job = std::make_unique<CloseJob>(log_),
                     .done = [this, alive = std::weak_ptr(alive_)](std::unique_ptr<LogJob>) {
                       if (!alive.expired()) FinishDrain();
                     }});
}

void ReplicaGroup::FinishDrain() {
  closed_ = true;
  EndQuestions({ErrorCode::kNotYet,
                fmt::format("node {} cannot confirm what is committed: it closes its log of {}",
                            options_.self.value(), options_.log.group.ToString())});
  // The first of them may destroy the group.
  const std::vector<std::function<void()>> drained = std::exchange(drained_, {});
  for (const auto& done : drained) done();
}

}  // namespace raftmq
