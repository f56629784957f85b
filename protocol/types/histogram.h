// A log-linear histogram of non-negative integers (HdrHistogram's idea): each power of two is cut
// into 16 equal buckets, so a quantile is at most 1/16 off. 976 buckets, 8 KiB.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace raftmq {

// One thread records; any thread reads (a reader may see a recording half done: counts are
// monotonic, not a consistent cut).
class Histogram {
 public:
  static constexpr std::size_t kSubBuckets = 16;
  static constexpr std::size_t kBuckets = 61 * kSubBuckets;

  void Record(std::uint64_t value);
  // Adds everything `other` has recorded. Caller is the recording thread.
  void Merge(const Histogram& other);

  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }
  std::uint64_t max() const { return max_.load(std::memory_order_relaxed); }
  // An upper bound of the value at quantile q in [0, 1]; 0 if nothing was recorded.
  std::uint64_t Quantile(double q) const;
  // How many recorded values are <= bound (up to the bucket's width of 1/16).
  std::uint64_t CountAtMost(std::uint64_t bound) const;

  static std::size_t BucketOf(std::uint64_t value);
  static std::uint64_t UpperBoundOf(std::size_t bucket);  // Greatest value of the bucket.

 private:
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> max_{0};
};

}  // namespace raftmq
