#include "protocol/types/hash.h"

#if defined(__x86_64__)
// The dispatching variant picks AVX2 or AVX-512 at run time: about three times the plain one.
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

namespace raftmq {

std::uint64_t Hash64(ByteSpan bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint64_t Hash64(ByteSpan bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace raftmq
