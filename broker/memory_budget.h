// One bound on the bytes of requests under way, over all connections and shards.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace raftmq::broker {

class MemoryBudget;

// A part of the budget, given back when destroyed. Must not outlive the budget.
class MemoryShare {
 public:
  MemoryShare() = default;
  MemoryShare(MemoryShare&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryShare& operator=(MemoryShare&& other) noexcept {  // The old share leaves with `other`.
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryShare();
  explicit operator bool() const { return budget_ != nullptr; }

 private:
  friend class MemoryBudget;
  MemoryShare(MemoryBudget* budget, std::size_t bytes) : budget_(budget), bytes_(bytes) {}
  MemoryBudget* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

// Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // An empty share if the budget does not allow `bytes` more: answer kOverloaded.
  MemoryShare Take(std::size_t bytes) {
    const std::size_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes <= bytes_max()) return {this, bytes};
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return {};
  }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  std::size_t bytes_max() const { return bytes_max_.load(std::memory_order_relaxed); }
  void SetBytesMax(std::size_t bytes_max) { bytes_max_ = bytes_max; }  // What is taken stays.

 private:
  friend class MemoryShare;
  std::atomic<std::size_t> bytes_max_;
  std::atomic<std::size_t> used_{0};
};

inline MemoryShare::~MemoryShare() {
  if (budget_ != nullptr) budget_->used_.fetch_sub(bytes_, std::memory_order_relaxed);
}

}  // namespace raftmq::broker
