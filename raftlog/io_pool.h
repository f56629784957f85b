// A few threads for work that may block on the disk and that no turn may wait for: cold reads,
// creating and opening partitions.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "raftlog/work_queues.h"

namespace raftmq {

struct IoPoolOptions {
  std::size_t threads = 2;
  std::size_t queued_max = 256;  // Work that no thread has begun.
};

// Thread-safe. `post` must work until the destructor has returned.
class IoPool final : public WorkQueue {
 public:
  IoPool(const IoPoolOptions& options, PostToLoop post);
  // Finishes what was submitted, posts its completions and joins.
  ~IoPool() override;

  Status Submit(std::function<void()> work, std::function<void()> done) override;

 private:
  struct Item {
    std::function<void()> work;
    std::function<void()> done;
  };
  void Run();

  const std::size_t queued_max_;
  PostToLoop post_;
  std::mutex mutex_;  // Guards the two below.
  std::condition_variable wake_;
  std::deque<Item> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // Last: they use all others.
};

}  // namespace raftmq
