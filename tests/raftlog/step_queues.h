// Disk and work queues without threads: what was submitted runs when the test says so, in order.
// Deterministic; also for simulators.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/transport.h"
#include "raftlog/work_queues.h"

namespace raftmq {

// Rounds as the disk thread makes them: all writes, all syncs, all completions. A crash between any
// two of these steps is a crash that the real thread may meet.
class StepDisk final : public DiskQueue {
 public:
  void Submit(DiskTask task) override { gathered_.push_back(std::move(task)); }
  void SubmitBackground(DiskTask task) override { background_.push_back(std::move(task)); }

  bool idle() const { return gathered_.empty() && background_.empty() && finished_.empty(); }

  // The steps of one round; each does nothing if nothing is there.
  void WriteAll() {
    while (!gathered_.empty()) {
      gathered_.front().job->Write();
      written_.push_back(std::move(gathered_.front()));
      gathered_.pop_front();
    }
  }
  void SyncAll() {
    while (!written_.empty()) {
      written_.front().job->Sync();
      finished_.push_back(std::move(written_.front()));
      written_.pop_front();
    }
  }
  void CompleteAll() {
    auto finished = std::move(finished_);
    finished_.clear();
    for (DiskTask& task : finished) task.done(std::move(task.job));
  }
  void RunBackground() {
    if (background_.empty()) return;
    DiskTask task = std::move(background_.front());
    background_.pop_front();
    task.job->Write();
    task.job->Sync();
    task.done(std::move(task.job));
  }
  // One round and one background job.
  void RunRound() {
    WriteAll();
    SyncAll();
    CompleteAll();
    RunBackground();
  }

 private:
  std::deque<DiskTask> gathered_;
  std::deque<DiskTask> written_;
  std::deque<DiskTask> finished_;
  std::deque<DiskTask> background_;
};

// Blocking work, run by hand.
class StepWork final : public WorkQueue {
 public:
  explicit StepWork(std::size_t queued_max = 64) : queued_max_(queued_max) {}

  Status Submit(std::function<void()> work, std::function<void()> done) override {
    if (queue_.size() >= queued_max_) return Fail(ErrorCode::kOverloaded, "the queue is full");
    queue_.emplace_back(std::move(work), std::move(done));
    return Ok();
  }
  bool idle() const { return queue_.empty(); }
  // Runs the oldest item, with its completion.
  void RunOne() {
    auto [work, done] = std::move(queue_.front());
    queue_.pop_front();
    work();
    done();
  }
  void RunAll() {
    while (!queue_.empty()) RunOne();
  }

 private:
  std::size_t queued_max_;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> queue_;
};

// For groups of one: nothing is ever sent, unless to replicas that are not there.
class NoTransport final : public Transport {
 public:
  void Send(PeerMessage) override { RAFTMQ_CHECK(loses_all); }
  bool loses_all = false;
};

}  // namespace raftmq
