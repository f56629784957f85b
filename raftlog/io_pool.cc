#include "raftlog/io_pool.h"

#include <fmt/format.h>

#include <utility>

#include "protocol/types/check.h"

namespace raftmq {

IoPool::IoPool(const IoPoolOptions& options, PostToLoop post)
    : queued_max_(options.queued_max), post_(std::move(post)) {
  RAFTMQ_CHECK(options.threads > 0);
  for (std::size_t i = 0; i < options.threads; ++i) threads_.emplace_back([this] { Run(); });
}

IoPool::~IoPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Status IoPool::Submit(std::function<void()> work, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= queued_max_) {
      return Fail(ErrorCode::kOverloaded,
                  fmt::format("{} cold reads wait already, the most that may; try again later",
                              queue_.size()));
    }
    queue_.push_back({std::move(work), std::move(done)});
  }
  wake_.notify_one();
  return Ok();
}

void IoPool::Run() {
  while (true) {
    Item item;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      item = std::move(queue_.front());
      queue_.pop_front();
    }
    item.work();
    item.work = nullptr;  // What it holds goes here, not on the loop.
    post_(std::move(item.done));
  }
}

}  // namespace raftmq
