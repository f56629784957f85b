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
  const std::uint64_t wait = half + random_.Below(whole - half + 1);
  step_ = std::min(max_, step_ * 2);
  return Milliseconds(static_cast<std::int64_t>(wait));
}

}  // namespace raftmq::internal
