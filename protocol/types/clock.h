// Time as an argument: the real clock, and one that tests and the simulator move by hand.
#pragma once

#include <chrono>
#include <cstdint>

namespace raftmq {

using Milliseconds = std::chrono::milliseconds;
using Microseconds = std::chrono::microseconds;

// Thread-safe. The steady time never goes back and means nothing outside this process; the wall
// time may jump either way.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Microseconds SteadyNow() const = 0;
  virtual std::int64_t WallNowMs() const = 0;  // Milliseconds since 1970-01-01 UTC.
};

class RealClock final : public Clock {
 public:
  Microseconds SteadyNow() const override;
  std::int64_t WallNowMs() const override;
};

// Stands still until moved. Not thread-safe.
class ManualClock final : public Clock {
 public:
  Microseconds SteadyNow() const override { return steady_; }
  std::int64_t WallNowMs() const override { return wall_ms_; }
  void Advance(Milliseconds by) {
    steady_ += by;
    wall_ms_ += by.count();
  }
  void SetWallMs(std::int64_t wall_ms) { wall_ms_ = wall_ms; }

 private:
  Microseconds steady_{0};
  std::int64_t wall_ms_ = 1'700'000'000'000;
};

}  // namespace raftmq
