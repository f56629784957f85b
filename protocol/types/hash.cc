#include "protocol/types/hash.h"

#define XXH_STATIC_LINKING_ONLY  // For a state on the stack.
#if defined(__x86_64__)
// The dispatching variant picks AVX2 or AVX-512 at run time: about three times the plain one.
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include <algorithm>

namespace raftmq {
namespace {

// From here on bytes are likely to come from memory rather than a cache. There, frames that begin
// between cache lines are hashed at two thirds of the memory's speed, unless they are fetched
// ahead.
constexpr std::size_t kFetchAheadFrom = 16u << 10;
constexpr std::size_t kPieceBytes = 2u << 10;
constexpr std::size_t kFetchAheadBytes = 8u << 10;
constexpr std::size_t kCacheLineBytes = 64;

// Asks for the cache lines of bytes[from, from + kPieceBytes).
void FetchAhead(ByteSpan bytes, std::size_t from) {
  const std::size_t to = std::min(bytes.size(), from + kPieceBytes);
  for (; from < to; from += kCacheLineBytes) __builtin_prefetch(bytes.data() + from);
}

std::uint64_t HashFetchingAhead(ByteSpan bytes, std::uint64_t seed) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset_withSeed(&state, seed);
  while (!bytes.empty()) {
    const ByteSpan piece = bytes.first(std::min(bytes.size(), kPieceBytes));
    FetchAhead(bytes, kFetchAheadBytes);
    XXH3_64bits_update(&state, piece.data(), piece.size());
    bytes = bytes.subspan(piece.size());
  }
  return XXH3_64bits_digest(&state);
}

}  // namespace

std::uint64_t Hash64(ByteSpan bytes) { return Hash64(bytes, 0); }  // As unseeded XXH3.

std::uint64_t Hash64(ByteSpan bytes, std::uint64_t seed) {
  if (bytes.size() >= kFetchAheadFrom) return HashFetchingAhead(bytes, seed);
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Hash128Value Hash128(ByteSpan bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

}  // namespace raftmq
