#include "raftlog/disk_thread.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "protocol/types/check.h"

namespace raftmq {

DiskThread::DiskThread(PostToLoop post, const Clock& clock, DiskMetrics& metrics)
    : post_(std::move(post)), clock_(clock), metrics_(metrics), thread_([this] { Run(); }) {}

DiskThread::~DiskThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void DiskThread::Submit(DiskTask task) {
  RAFTMQ_CHECK(task.job != nullptr);
  {
    const std::lock_guard lock(mutex_);
    gathered_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void DiskThread::SubmitBackground(DiskTask task) {
  RAFTMQ_CHECK(task.job != nullptr);
  {
    const std::lock_guard lock(mutex_);
    background_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void DiskThread::Run() {
  while (true) {
    Round round;
    std::optional<DiskTask> background;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !gathered_.empty() || !background_.empty(); });
      if (gathered_.empty() && background_.empty()) return;
      round.swap(gathered_);
      if (!background_.empty()) {
        background = std::move(background_.front());
        background_.pop_front();
      }
    }
    if (!round.empty()) RunRound(std::move(round));
    if (background) RunBackground(*std::move(background));
  }
}

void DiskThread::RunRound(Round round) {
  const std::uint64_t started = NowUs();
  metrics_.round_started_us.Set(std::max<std::uint64_t>(started, 1));
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
  for (DiskTask& task : round) {
    bytes += task.job->bytes();
    entries += task.entries;
    task.job->Write();
  }
  const std::uint64_t written = NowUs();
  for (DiskTask& task : round) task.job->Sync();
  const std::uint64_t synced = NowUs();
  metrics_.round_started_us.Set(0);
  metrics_.rounds.Add();
  metrics_.bytes_written.Add(bytes);
  metrics_.write_us.Record(written - started);
  metrics_.sync_us.Record(synced - written);
  metrics_.round_entries.Record(entries);
  metrics_.round_jobs.Record(round.size());
  // std::function wants what it holds to be copyable; the round is not.
  auto finished = std::make_shared<Round>(std::move(round));
  post_([finished] {
    for (DiskTask& task : *finished) task.done(std::move(task.job));
  });
}

void DiskThread::RunBackground(DiskTask task) {
  task.job->Write();
  task.job->Sync();
  metrics_.background_jobs.Add();
  auto finished = std::make_shared<DiskTask>(std::move(task));
  post_([finished] { finished->done(std::move(finished->job)); });
}

std::uint64_t DiskThread::NowUs() const {
  return static_cast<std::uint64_t>(clock_.SteadyNow().count());
}

}  // namespace raftmq
