// Where every decision of a simulated run comes from: a seed, or a string of bytes in its stead (a
// fuzzer's input).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "protocol/types/bytes.h"
#include "protocol/types/split_mix.h"

namespace raftmq::sim {

// Single-threaded, like all of the simulator.
class Choices {
 public:
  virtual ~Choices() = default;
  virtual std::uint64_t Next() = 0;

  // In [0, bound). REQUIRES: bound > 0.
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }
  // In [least, most].
  std::uint64_t Between(std::uint64_t least, std::uint64_t most) {
    return least + Below(most - least + 1);
  }
  bool PerMille(std::uint64_t chances) { return chances > 0 && Below(1000) < chances; }
  // Around `mean`, seldom up to eight times that: half of all draws lie below it.
  std::uint64_t Around(std::uint64_t mean) {
    return Below(8) == 0 ? Below(8 * mean + 1) : Below(2 * mean + 1);
  }
};

class SeedChoices final : public Choices {
 public:
  explicit SeedChoices(std::uint64_t seed) : random_(seed) {}
  std::uint64_t Next() override { return random_.Next(); }

 private:
  SplitMix random_;
};

// Eight bytes a choice; behind the last one it goes on like a seed. `bytes` must outlive it.
class ByteChoices final : public Choices {
 public:
  explicit ByteChoices(ByteSpan bytes) : bytes_(bytes), rest_(bytes.size()) {}
  std::uint64_t Next() override {
    if (bytes_.empty()) return rest_.Next();
    std::byte word[8] = {};
    const std::size_t count = std::min(bytes_.size(), sizeof word);
    std::copy_n(bytes_.begin(), count, word);
    bytes_ = bytes_.subspan(count);
    return LoadLittleEndian<std::uint64_t>(word);
  }

 private:
  ByteSpan bytes_;
  SplitMix rest_;
};

}  // namespace raftmq::sim
