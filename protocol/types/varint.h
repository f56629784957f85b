// The variable-length integers of Kafka's record format: 7 bits a byte, least significant first,
// the top bit set on all bytes but the last; signed values are zigzag coded (0, -1, 1, -2, ...).
// Exactly one encoding of each value is valid: the shortest.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "protocol/types/bytes.h"

namespace raftmq {

inline constexpr std::size_t kVarintBytesMax = 10;

inline constexpr std::uint64_t ZigzagEncode(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline constexpr std::int64_t ZigzagDecode(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// Bytes that WriteVarint needs: 1 to 10. Short values are told by branches, which a run of like
// records makes predictable, so that no place waits for the length of the field before it; the
// others go without branches.
inline constexpr std::size_t VarintBytes(std::uint64_t value) {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  // ceil(bits / 7) without a division, for 1 to 64 bits.
  return (static_cast<std::size_t>(std::bit_width(value)) * 9 + 64) / 64;
}

namespace varint_internal {

inline constexpr std::uint64_t kContinue = 0x8080808080808080u;
inline constexpr std::uint64_t kSpreadMax = std::uint64_t{1} << 56;  // 8 groups of 7 bits.

// Moves 56 bits apart into 8 groups of 7, one a byte, and back.
inline constexpr std::uint64_t Spread(std::uint64_t x) {
  x = ((x & 0x00FFFFFFF0000000u) << 4) | (x & 0x000000000FFFFFFFu);
  x = ((x & 0x0FFFC0000FFFC000u) << 2) | (x & 0x00003FFF00003FFFu);
  return ((x & 0x3F803F803F803F80u) << 1) | (x & 0x007F007F007F007Fu);
}
inline constexpr std::uint64_t Gather(std::uint64_t x) {
  x = ((x & 0x7F007F007F007F00u) >> 1) | (x & 0x007F007F007F007Fu);
  x = ((x & 0x3FFF00003FFF0000u) >> 2) | (x & 0x00003FFF00003FFFu);
  return ((x & 0x0FFFFFFF00000000u) >> 4) | (x & 0x000000000FFFFFFFu);
}

// For values next to `end`, longer than 8 bytes, or malformed.
[[gnu::noinline]] inline std::size_t ReadVarintSlowly(const std::byte* at, const std::byte* end,
                                                      std::uint64_t* value) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kVarintBytesMax && at + i < end; ++i) {
    const auto byte = static_cast<std::uint64_t>(at[i]);
    if (i == kVarintBytesMax - 1 && byte > 1) return 0;  // Bits above the 64th.
    sum |= (byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      *value = sum;
      return byte == 0 ? 0 : i + 1;  // A single zero byte never comes here.
    }
  }
  return 0;
}

}  // namespace varint_internal

// Writes `value` and returns the place after it.
// REQUIRES: kVarintBytesMax bytes of room, whatever the value: short ones are stored as one word.
inline std::byte* WriteVarint(std::byte* to, std::uint64_t value) {
  namespace internal = varint_internal;
  if (value < 0x80) {
    *to = static_cast<std::byte>(value);
    return to + 1;
  }
  if (value < 0x4000) {
    StoreLittleEndian(to, static_cast<std::uint16_t>((value & 0x7F) | 0x80 | (value >> 7 << 8)));
    return to + 2;
  }
  if (value < internal::kSpreadMax) [[likely]] {
    const std::size_t bytes = VarintBytes(value);
    const std::uint64_t marks = internal::kContinue & ((std::uint64_t{1} << (8 * (bytes - 1))) - 1);
    StoreLittleEndian(to, internal::Spread(value) | marks);
    return to + bytes;
  }
  while (value >= 0x80) {
    *to++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *to = static_cast<std::byte>(value);
  return to + 1;
}

// Reads a value at `at` and returns its bytes, 1 to 10; 0 if it is cut off by `end`, longer than
// needed, or above 64 bits.
inline std::size_t ReadVarint(const std::byte* at, const std::byte* end, std::uint64_t* value) {
  namespace internal = varint_internal;
  if (at < end && static_cast<std::uint8_t>(*at) < 0x80) [[likely]] {
    *value = static_cast<std::uint64_t>(*at);
    return 1;
  }
  if (end - at >= 2 && static_cast<std::uint8_t>(at[1]) < 0x80) [[likely]] {
    const auto high = static_cast<std::uint64_t>(at[1]);
    *value = (static_cast<std::uint64_t>(at[0]) & 0x7F) | (high << 7);
    return high == 0 ? 0 : 2;
  }
  if (end - at >= 8) [[likely]] {
    const auto word = LoadLittleEndian<std::uint64_t>(at);
    const std::uint64_t stops = ~word & internal::kContinue;
    if (stops != 0) [[likely]] {
      const auto last_bit = static_cast<unsigned>(std::countr_zero(stops));  // 8 * bytes - 1.
      const std::uint64_t used = word & (~std::uint64_t{0} >> (63 - last_bit));
      if ((used >> (last_bit - 7)) == 0) return 0;  // The last byte adds nothing.
      *value = internal::Gather(used & ~internal::kContinue);
      return (last_bit + 1) / 8;
    }
  }
  return internal::ReadVarintSlowly(at, end, value);
}

}  // namespace raftmq
