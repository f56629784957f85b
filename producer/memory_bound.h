// The bound on what a producer holds: unsent and unacked messages.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace raftmq::internal {

// Thread-safe. Without waiters taking and giving are one atomic operation each.
class MemoryBound {
 public:
  explicit MemoryBound(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // Takes the bytes if there is room.
  bool TryTake(std::size_t bytes);
  enum class Outcome { kTaken, kTimeout, kClosed };
  // Waits for room. REQUIRES: bytes <= bytes_max.
  Outcome Take(std::size_t bytes, std::chrono::milliseconds timeout);
  void Give(std::size_t bytes);
  // Sends every waiter away, now and later.
  void Close();

  bool HasWaiters() const { return waiters_.load() > 0; }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  std::size_t bytes_max() const { return bytes_max_; }

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> used_{0};
  std::atomic<std::size_t> waiters_{0};
  std::mutex mutex_;
  std::condition_variable room_;
  bool closed_ = false;  // Under mutex_.
};

}  // namespace raftmq::internal
