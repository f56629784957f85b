// XXH3-64, the one hash of raftmq. It detects accidents, not attackers.
#pragma once

#include <cstdint>

#include "protocol/types/bytes.h"

namespace raftmq {

std::uint64_t Hash64(ByteSpan bytes);
std::uint64_t Hash64(ByteSpan bytes, std::uint64_t seed);

}  // namespace raftmq
