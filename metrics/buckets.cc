#include "metrics/buckets.h"

#include <array>
#include <cstddef>

#include "protocol/types/check.h"

namespace raftmq {
namespace {

template <std::size_t kCount>
constexpr std::array<double, kCount> Ladder(double first, double factor) {
  std::array<double, kCount> bounds{};
  for (double& bound : bounds) {
    bound = first;
    first *= factor;
  }
  return bounds;
}

constexpr auto kLatency = Ladder<18>(0.0001, 2);
constexpr auto kBatch = Ladder<9>(1, 4);
constexpr auto kBytes = Ladder<10>(256, 4);
static_assert(kLatency.back() >= 10);
static_assert(kBatch.back() == 65'536);
static_assert(kBytes.back() == 64 * 1024 * 1024);

}  // namespace

std::span<const double> BucketBounds(BucketLadder ladder) {
  switch (ladder) {
    case BucketLadder::kLatencySeconds:
      return kLatency;
    case BucketLadder::kBatchSize:
      return kBatch;
    case BucketLadder::kBytes:
      return kBytes;
  }
  RAFTMQ_CHECK(false && "a bucket ladder outside the enumeration");
}

}  // namespace raftmq
