// Which partition a key belongs to: as Kafka's Java client decides, so that both place the same key
// in the same partition.
#pragma once

#include <cstdint>
#include <string_view>

namespace raftmq::internal {

// MurmurHash2, 32 bits, little-endian, seed 0x9747b28c (Austin Appleby's MurmurHash2.cpp, public
// domain, with the seed that Kafka's clients agreed on).
std::uint32_t Murmur2(std::string_view key);

// (murmur2(key) with its sign bit cleared) mod partitions. REQUIRES: partitions > 0.
std::uint32_t PartitionOfKey(std::string_view key, std::uint32_t partitions);

}  // namespace raftmq::internal
