#include "segment/crash_chooser.h"

namespace raftmq {

SeededCrashChooser::SeededCrashChooser(std::uint64_t seed, Options options)
    : state_(seed), options_(options) {
  keep_of_eight_ = Random() % 9;
  tear_of_eight_ = options.tear ? Random() % 9 : 0;
}

// SplitMix64 (Steele, Lea, Flood 2014): one word of state, the same on every machine.
std::uint64_t SeededCrashChooser::Random() {
  state_ += 0x9E3779B97F4A7C15u;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

bool SeededCrashChooser::Keeps(std::uint64_t) { return Random() % 8 < keep_of_eight_; }

CrashChooser::PageFate SeededCrashChooser::FateOf(std::uint64_t unit, SectorMask written) {
  if (Keeps(unit)) return {.kept = written};
  if (Random() % 8 >= tear_of_eight_) return {};
  const std::uint64_t random = Random();
  PageFate fate;
  fate.kept = static_cast<SectorMask>(random & written);
  if (options_.garble && (random >> 16) % 2 == 0)
    fate.garbled = static_cast<SectorMask>((random >> 8) & written & ~std::uint64_t{fate.kept});
  return fate;
}

}  // namespace raftmq
