// XXH3, the one hash of raftmq, of 64 bits but where it stands for what it was made of. It detects
// accidents, not attackers.
#pragma once

#include <cstdint>

#include "protocol/types/bytes.h"

namespace raftmq {

std::uint64_t Hash64(ByteSpan bytes);
std::uint64_t Hash64(ByteSpan bytes, std::uint64_t seed);

struct Hash128Value {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};
Hash128Value Hash128(ByteSpan bytes);

}  // namespace raftmq
