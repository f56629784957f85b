// Who decides what a power cut leaves of the changes that were not synced.
#pragma once

#include <cstdint>

#include <vector>
#include "protocol/types/split_mix.h"

namespace raftmq {

// Sectors of one page, bit i = sector i.
using SectorMask = std::uint8_t;

// Each unsynced change is a unit of its own with a number that never comes twice on one disk: a
// page written, a size, an allocation, a name. The disk asks once for each unit, in a fixed order.
class CrashChooser {
 public:
  struct PageFate {
    SectorMask kept = 0;     // Sectors that are new; the others are old.
    SectorMask garbled = 0;  // Sectors that are neither. The disk ignores this where bytes were
                             // synced before (powersafe overwrite).
  };
  virtual ~CrashChooser() = default;
  // A size, an allocation or a change of names: wholly there or not at all.
  virtual bool Keeps(std::uint64_t unit) = 0;
  virtual PageFate FateOf(std::uint64_t unit, SectorMask written) = 0;
};

// Keeps everything (a process that dies while the machine lives) or nothing.
class UniformCrashChooser final : public CrashChooser {
 public:
  explicit UniformCrashChooser(bool keep) : keep_(keep) {}
  bool Keeps(std::uint64_t) override { return keep_; }
  PageFate FateOf(std::uint64_t, SectorMask written) override {
    return {.kept = keep_ ? written : SectorMask{0}};
  }

 private:
  const bool keep_;
};

// The i-th unit asked for is kept whole if bit i is set.
class SubsetCrashChooser final : public CrashChooser {
 public:
  explicit SubsetCrashChooser(std::uint64_t bits) : bits_(bits) {}
  bool Keeps(std::uint64_t) override { return Next(); }
  PageFate FateOf(std::uint64_t, SectorMask written) override {
    return {.kept = Next() ? written : SectorMask{0}};
  }

 private:
  bool Next() {
    const bool kept = (bits_ & 1) != 0;
    bits_ >>= 1;
    return kept;
  }
  std::uint64_t bits_;
};

// A random crash: some seeds keep nearly all, some nearly nothing, some tear pages at sectors and
// garble what was never synced. The same seed and the same disk give the same image everywhere.
class SeededCrashChooser final : public CrashChooser {
 public:
  struct Options {
    bool tear = true;
    bool garble = true;
  };
  explicit SeededCrashChooser(std::uint64_t seed) : SeededCrashChooser(seed, Options{}) {}
  SeededCrashChooser(std::uint64_t seed, Options options);
  bool Keeps(std::uint64_t unit) override;
  PageFate FateOf(std::uint64_t unit, SectorMask written) override;

 private:
  SplitMix random_;
  const Options options_;
  std::uint64_t keep_of_eight_ = 0;  // Units kept whole, of eight.
  std::uint64_t tear_of_eight_ = 0;  // Of the other pages, those torn.
};

}  // namespace raftmq
