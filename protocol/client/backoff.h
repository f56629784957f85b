// How long to wait before the next attempt: doubling, with jitter, within bounds.
#pragma once

#include <cstdint>

#include "protocol/types/clock.h"
#include "protocol/types/split_mix.h"

namespace raftmq::internal {

// Pure: the same seed gives the same waits. Not thread-safe.
class Backoff {
 public:
  // REQUIRES: 0 < min <= max.
  Backoff(Milliseconds min, Milliseconds max, std::uint64_t seed);

  // The next wait: in [d/2, d] with d = min, 2 min, 4 min, ... up to max. Without jitter clients
  // that lost the same broker would all come back at the same instant.
  Milliseconds Next();
  // The last attempt succeeded: start again from min.
  void Reset() { step_ = min_; }

 private:
  Milliseconds min_;
  Milliseconds max_;
  Milliseconds step_;
  SplitMix random_;
};

}  // namespace raftmq::internal
