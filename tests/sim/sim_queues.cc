#include "tests/sim/sim_queues.h"

namespace raftmq::sim {

Time SimDisk::Latency(Time mean) {
  if (!choices_.PerMille(options_.slow)) return choices_.Around(mean);
  coverage_.Reach(Mark::kSlowDisk);
  return choices_.Around(options_.slow_mean);
}

void SimDisk::Begin() {
  if (is_busy_ || (gathered_.empty() && background_.empty())) return;
  is_busy_ = true;
  later_(Latency(options_.write_mean), [this] { Write(); });
}

// Whoever comes while a round runs waits for the next: group commit.
void SimDisk::Write() {
  if (!gathered_.empty() && (!background_next_ || background_.empty())) {
    round_ = std::exchange(gathered_, {});
    background_next_ = true;
  } else {
    round_.push_back(std::move(background_.front()));
    background_.pop_front();
    background_next_ = false;
  }
  for (Owned& owned : round_) owned.task.job->Write();
  later_(Latency(options_.sync_mean), [this] { Sync(); });
}

void SimDisk::Sync() {
  for (Owned& owned : round_) owned.task.job->Sync();
  later_(choices_.Below(100), [this] { Complete(); });
}

void SimDisk::Complete() {
  std::vector<Owned> finished = std::exchange(round_, {});
  is_busy_ = false;
  for (Owned& owned : finished) {
    touched_(owned.partition);
    owned.task.done(std::move(owned.task.job));
  }
  Begin();
}

Status SimWork::Submit(std::function<void()> work, std::function<void()> done) {
  if (queued_ >= options_.work_queued_max) {
    coverage_.Reach(Mark::kWorkQueueFull);
    return Fail(ErrorCode::kOverloaded, "the queue is full");
  }
  ++queued_;
  later_(choices_.Around(options_.open_mean),
         [this, work = std::move(work), done = std::move(done)] {
           --queued_;
           work();
           later_(choices_.Below(100), done);
         });
  return Ok();
}

}  // namespace raftmq::sim
