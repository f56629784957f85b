#include "producer/memory_bound.h"

#include "protocol/types/check.h"

namespace raftmq::internal {

bool MemoryBound::TryTake(std::size_t bytes) {
  std::size_t used = used_.load();
  do {
    if (used + bytes > bytes_max_) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes));
  return true;
}

MemoryBound::Outcome MemoryBound::Take(std::size_t bytes, std::chrono::milliseconds timeout) {
  RAFTMQ_CHECK(bytes <= bytes_max_);
  std::unique_lock lock(mutex_);
  // Before the first look at the room: whoever gives bytes after that look sees the waiter.
  waiters_.fetch_add(1);
  bool taken = false;
  const bool in_time =
      room_.wait_for(lock, timeout, [&] { return closed_ || (taken = TryTake(bytes)); });
  waiters_.fetch_sub(1);
  if (taken) return Outcome::kTaken;
  return in_time ? Outcome::kClosed : Outcome::kTimeout;
}

void MemoryBound::Give(std::size_t bytes) {
  used_.fetch_sub(bytes);
  if (waiters_.load() == 0) return;
  std::lock_guard lock(mutex_);
  room_.notify_all();
}

void MemoryBound::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  room_.notify_all();
}

}  // namespace raftmq::internal
