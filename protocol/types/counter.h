// Counters for hot paths: one writer thread, any number of readers, no lock and no bus-locked add.
#pragma once

#include <atomic>
#include <cstdint>

namespace raftmq {

// One thread adds; any thread reads. A gauge is the same thing with Set.
class Counter {
 public:
  void Add(std::uint64_t by = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  void Set(std::uint64_t to) { value_.store(to, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace raftmq
