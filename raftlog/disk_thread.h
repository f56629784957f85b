// The shard's disk thread: group commit for all its partitions.
//
//  1. The loop submits at most one job per log. They gather here while a round runs.
//  2. The thread takes all gathered jobs as one round: all writes, then all syncs.
//  3. One task is posted to the loop for the whole round; it hands each job to its callback.
//  4. Then one background job, if there is any, and the next round.
//
// A failed write or sync ends the process inside the job: nothing here ever sees an error.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "protocol/types/clock.h"
#include "raftlog/disk_metrics.h"
#include "raftlog/work_queues.h"

namespace raftmq {

// Thread-safe. `post`, `clock` and `metrics` must work until the destructor has returned.
class DiskThread final : public DiskQueue {
 public:
  DiskThread(PostToLoop post, const Clock& clock, DiskMetrics& metrics);
  // Finishes what was submitted, posts its completions and joins.
  ~DiskThread() override;

  void Submit(DiskTask task) override;
  void SubmitBackground(DiskTask task) override;

 private:
  using Round = std::vector<DiskTask>;

  void Run();
  void RunRound(Round round);
  void RunBackground(DiskTask task);
  std::uint64_t NowUs() const;

  PostToLoop post_;
  const Clock& clock_;
  DiskMetrics& metrics_;
  std::mutex mutex_;  // Guards the three below.
  std::condition_variable wake_;
  Round gathered_;
  std::deque<DiskTask> background_;
  bool stopping_ = false;
  std::thread thread_;  // Last: it uses all others.
};

}  // namespace raftmq
