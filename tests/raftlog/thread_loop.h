// A loop without an event library: what is posted runs on the thread that calls RunUntil.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "raftlog/work_queues.h"

namespace raftmq {

class ThreadLoop {
 public:
  PostToLoop Poster() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      wake_.notify_one();
    };
  }
  // Runs posted tasks, sleeping in between, until `done` holds.
  void RunUntil(const std::function<bool()>& done) {
    while (!done()) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return !tasks_.empty(); });
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
};

}  // namespace raftmq
