#include "protocol/client/backoff.h"

#include <algorithm>

#include "protocol/types/check.h"

namespace raftmq::internal {

Backoff::Backoff(Milliseconds min, Milliseconds max, std::uint64_t seed)
    : min_(min), max_(max), step_(min), random_(seed) {
  RAFTMQ_CHECK(min.count() > 0);
  RAFTMQ_CHECK(min <= max);
}

Milliseconds Backoff::Next() {
  const auto half = static_cast<std::uint64_t>(step_.count() / 2);
  const auto whole = static_cast<std::uint64_t>(step_.count());
  const std::uint64_t wait = half + NextRandom(&random_) % (whole - half + 1);
  step_ = std::min(max_, step_ * 2);
  return Milliseconds(static_cast<std::int64_t>(wait));
}

std::uint64_t NextRandom(std::uint64_t* state) {
  std::uint64_t z = (*state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace raftmq::internal
