// When the scrubber begins a pass, and how fast it reads. Pure policy: time and sizes are
// arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

#include "protocol/types/clock.h"

namespace raftmq::broker {

// Of one node; all are settings.
struct ScrubLimits {
  Milliseconds period{7LL * 24 * 3600 * 1000};  // Everything is read once in it; 0 = by hand only.
  std::uint64_t rate = 16u << 20;               // Bytes per second at most, of all shards together.
  std::uint64_t started_rate = 64u << 20;       // The same of a pass that was started by hand.
  bool operator==(const ScrubLimits&) const = default;
};

inline constexpr std::size_t kScrubStepBytes = 1u << 20;  // Read at a time.
// What a step counts at least: opening a file costs the disk something, too.
inline constexpr std::size_t kScrubStepCost = 16u << 10;

// Whether the next pass begins, the last one having begun at `began_ms` (0 = never). A clock that
// was set back makes no node wait for longer than a period.
bool IsPassDue(const ScrubLimits& limits, std::int64_t began_ms, std::int64_t now_ms);

// Bytes per second at which a pass that began at `began_ms` has read `bytes_left` more when nine
// tenths of the period are over: a node that was down goes on faster. At most limits.rate, also
// when the time is over; at least 1.
std::uint64_t PassRate(const ScrubLimits& limits, std::uint64_t bytes_left, std::int64_t began_ms,
                       std::int64_t now_ms);

// How long `bytes` take at a rate. REQUIRES: rate > 0.
Microseconds TimeFor(std::uint64_t bytes, std::uint64_t rate);

// Keeps all shards of a node together below one rate. Thread-safe.
class ScrubGate {
 public:
  // True if a step may begin now.
  bool IsOpen(Microseconds now) const;
  // `bytes` were read: shut until they are paid for. Time in which nobody reads is not saved up.
  void Spend(std::uint64_t bytes, std::uint64_t rate, Microseconds now);

 private:
  mutable std::mutex mutex_;
  Microseconds free_at_{0};
};

}  // namespace raftmq::broker
