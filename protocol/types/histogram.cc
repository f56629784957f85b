#include "protocol/types/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace raftmq {
namespace {

void AddRelaxed(std::atomic<std::uint64_t>* to, std::uint64_t by) {
  to->store(to->load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

}  // namespace

std::size_t Histogram::BucketOf(std::uint64_t value) {
  if (value < kSubBuckets) return static_cast<std::size_t>(value);
  const auto shift =
      static_cast<std::size_t>(std::bit_width(value)) - 5;  // value >> shift is in [16, 32).
  return (shift + 1) * kSubBuckets + static_cast<std::size_t>((value >> shift) - kSubBuckets);
}

std::uint64_t Histogram::UpperBoundOf(std::size_t bucket) {
  if (bucket < kSubBuckets) return bucket;
  const std::size_t shift = bucket / kSubBuckets - 1;
  const std::uint64_t low = (kSubBuckets + bucket % kSubBuckets) << shift;
  return low + ((std::uint64_t{1} << shift) - 1);
}

void Histogram::Record(std::uint64_t value) {
  AddRelaxed(&buckets_[BucketOf(value)], 1);
  AddRelaxed(&sum_, value);
  AddRelaxed(&count_, 1);
  if (value > max()) max_.store(value, std::memory_order_relaxed);
}

void Histogram::Merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) {
    AddRelaxed(&buckets_[i], other.buckets_[i].load(std::memory_order_relaxed));
  }
  AddRelaxed(&sum_, other.sum());
  AddRelaxed(&count_, other.count());
  max_.store(std::max(max(), other.max()), std::memory_order_relaxed);
}

std::uint64_t Histogram::Quantile(double q) const {
  const std::uint64_t total = count();
  if (total == 0) return 0;
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
    if (seen >= rank) return std::min(UpperBoundOf(i), max());
  }
  return max();
}

std::uint64_t Histogram::CountAtMost(std::uint64_t bound) const {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets && UpperBoundOf(i) <= bound; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
  }
  return seen;
}

}  // namespace raftmq
