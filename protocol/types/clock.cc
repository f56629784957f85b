#include "protocol/types/clock.h"

namespace raftmq {

Microseconds RealClock::SteadyNow() const {
  return std::chrono::duration_cast<Microseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
}

std::int64_t RealClock::WallNowMs() const {
  return std::chrono::duration_cast<Milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace raftmq
