#include "segment/crash_chooser.h"

namespace raftmq {

SeededCrashChooser::SeededCrashChooser(std::uint64_t seed, Options options)
    : random_(seed), options_(options) {
  keep_of_eight_ = random_.Next() % 9;
  tear_of_eight_ = options.tear ? random_.Next() % 9 : 0;
}

bool SeededCrashChooser::Keeps(std::uint64_t) { return random_.Next() % 8 < keep_of_eight_; }

CrashChooser::PageFate SeededCrashChooser::FateOf(std::uint64_t unit, SectorMask written) {
  if (Keeps(unit)) return {.kept = written};
  if (random_.Next() % 8 >= tear_of_eight_) return {};
  const std::uint64_t random = random_.Next();
  PageFate fate;
  fate.kept = static_cast<SectorMask>(random & written);
  if (options_.garble && (random >> 16) % 2 == 0)
    fate.garbled = static_cast<SectorMask>((random >> 8) & written & ~std::uint64_t{fate.kept});
  return fate;
}

}  // namespace raftmq
