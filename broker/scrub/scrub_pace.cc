#include "broker/scrub/scrub_pace.h"

#include <algorithm>

#include "protocol/types/check.h"

namespace raftmq::broker {
namespace {

constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;
// Longer than any period: keeps sums of times far from their bounds.
constexpr double kSecondsMax = 100.0 * 365 * 24 * 3600;

}  // namespace

bool IsPassDue(const ScrubLimits& limits, std::int64_t began_ms, std::int64_t now_ms) {
  if (limits.period.count() == 0) return false;
  return began_ms == 0 || began_ms > now_ms || now_ms - began_ms >= limits.period.count();
}

std::uint64_t PassRate(const ScrubLimits& limits, std::uint64_t bytes_left, std::int64_t began_ms,
                       std::int64_t now_ms) {
  const std::int64_t due_ms = began_ms + limits.period.count() / 10 * 9;
  // A clock that was set back leaves no more time than there ever was.
  const std::int64_t left_ms = due_ms - std::max(now_ms, began_ms);
  if (left_ms <= 0) return limits.rate;
  const double rate = static_cast<double>(bytes_left) / (static_cast<double>(left_ms) / 1000);
  if (rate >= static_cast<double>(limits.rate)) return limits.rate;
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rate));
}

Microseconds TimeFor(std::uint64_t bytes, std::uint64_t rate) {
  RAFTMQ_CHECK(rate > 0);
  const double seconds =
      std::min(kSecondsMax, static_cast<double>(bytes) / static_cast<double>(rate));
  return Microseconds(static_cast<std::int64_t>(seconds * kMicrosecondsPerSecond));
}

bool ScrubGate::IsOpen(Microseconds now) const {
  const std::lock_guard lock(mutex_);
  return now >= free_at_;
}

void ScrubGate::Spend(std::uint64_t bytes, std::uint64_t rate, Microseconds now) {
  const std::lock_guard lock(mutex_);
  free_at_ = std::max(free_at_, now) + TimeFor(bytes, rate);
}

}  // namespace raftmq::broker
