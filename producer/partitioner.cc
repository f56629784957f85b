#include "producer/partitioner.h"

#include <cstddef>
#include <cstring>

#include "protocol/types/check.h"

namespace raftmq::internal {
namespace {

constexpr std::uint32_t kSeed = 0x9747b28c;
constexpr std::uint32_t kMultiplier = 0x5bd1e995;

}  // namespace

std::uint32_t Murmur2(std::string_view key) {
  std::uint32_t hash = kSeed ^ static_cast<std::uint32_t>(key.size());
  const char* at = key.data();
  std::size_t left = key.size();
  for (; left >= 4; at += 4, left -= 4) {
    std::uint32_t word;
    std::memcpy(&word, at, sizeof word);
    word *= kMultiplier;
    word ^= word >> 24;
    word *= kMultiplier;
    hash *= kMultiplier;
    hash ^= word;
  }
  for (std::size_t i = left; i > 0; --i) {
    hash ^= std::uint32_t{static_cast<unsigned char>(at[i - 1])} << (8 * (i - 1));
  }
  if (left > 0) hash *= kMultiplier;
  hash ^= hash >> 13;
  hash *= kMultiplier;
  hash ^= hash >> 15;
  return hash;
}

std::uint32_t PartitionOfKey(std::string_view key, std::uint32_t partitions) {
  RAFTMQ_CHECK(partitions > 0);
  return (Murmur2(key) & 0x7fffffffu) % partitions;
}

}  // namespace raftmq::internal
