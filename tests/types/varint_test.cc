#include "protocol/types/varint.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace raftmq {
namespace {

std::vector<std::byte> Written(std::uint64_t value) {
  std::array<std::byte, kVarintBytesMax> room;
  room.fill(std::byte{0xEE});
  const std::byte* const end = WriteVarint(room.data(), value);
  return {room.data(), room.data() + (end - room.data())};
}

// Reads with nothing after the bytes, and with other bytes after them; both must agree.
std::size_t Read(std::vector<std::byte> bytes, std::uint64_t* value) {
  const std::size_t alone = ReadVarint(bytes.data(), bytes.data() + bytes.size(), value);
  bytes.resize(bytes.size() + 16, std::byte{0xFF});
  std::uint64_t other = 0;
  const std::size_t followed = ReadVarint(bytes.data(), bytes.data() + bytes.size(), &other);
  if (alone != 0) {
    EXPECT_EQ(alone, followed);
    EXPECT_EQ(*value, other);
  }
  return alone;
}

std::vector<std::byte> Bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(Varint, EveryLengthComesBackAtItsLimits) {
  for (unsigned bits = 0; bits <= 64; ++bits) {
    const std::uint64_t limit =
        bits == 64 ? std::numeric_limits<std::uint64_t>::max() : (std::uint64_t{1} << bits) - 1;
    for (const std::uint64_t value : {limit, limit - (limit > 0 ? 1 : 0), limit + 1}) {
      const auto bytes = Written(value);
      std::uint64_t read = 0;
      ASSERT_EQ(bytes.size(), VarintBytes(value)) << value;
      ASSERT_EQ(Read(bytes, &read), bytes.size()) << value;
      ASSERT_EQ(read, value);
    }
  }
}

TEST(Varint, BytesAreThoseOfKafka) {
  EXPECT_EQ(Written(ZigzagEncode(0)), Bytes({0x00}));
  EXPECT_EQ(Written(ZigzagEncode(-1)), Bytes({0x01}));
  EXPECT_EQ(Written(ZigzagEncode(63)), Bytes({0x7E}));
  EXPECT_EQ(Written(ZigzagEncode(-64)), Bytes({0x7F}));
  EXPECT_EQ(Written(ZigzagEncode(64)), Bytes({0x80, 0x01}));
  EXPECT_EQ(Written(ZigzagEncode(8192)), Bytes({0x80, 0x80, 0x01}));
  EXPECT_EQ(Written(ZigzagEncode(std::numeric_limits<std::int32_t>::max())),
            Bytes({0xFE, 0xFF, 0xFF, 0xFF, 0x0F}));
  EXPECT_EQ(Written(ZigzagEncode(std::numeric_limits<std::int64_t>::min())),
            Bytes({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}));
}

TEST(Varint, OverlongEncodingsAreRefused) {
  std::uint64_t value = 0;
  for (std::size_t length = 2; length <= 12; ++length) {
    std::vector<std::byte> zero(length, std::byte{0x80});
    zero.back() = std::byte{0x00};
    EXPECT_EQ(Read(zero, &value), 0u) << length;
    zero.resize(length + 16, std::byte{0xFF});
    EXPECT_EQ(ReadVarint(zero.data(), zero.data() + zero.size(), &value), 0u) << length;
  }
}

TEST(Varint, MoreThan64BitsAreRefused) {
  std::uint64_t value = 0;
  EXPECT_EQ(Read(Bytes({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02}), &value), 0u);
  EXPECT_EQ(Read(std::vector<std::byte>(11, std::byte{0xFF}), &value), 0u);
}

TEST(Varint, ACutOffValueIsRefused) {
  std::uint64_t value = 0;
  EXPECT_EQ(ReadVarint(nullptr, nullptr, &value), 0u);
  for (unsigned bits = 8; bits <= 64; ++bits) {
    auto bytes = Written(std::uint64_t{1} << (bits - 1));
    bytes.pop_back();
    EXPECT_EQ(ReadVarint(bytes.data(), bytes.data() + bytes.size(), &value), 0u) << bits;
  }
}

TEST(Varint, RandomValuesComeBackAndRandomBytesAreReadOneWayOnly) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    std::uint64_t read = 0;
    ASSERT_EQ(Read(Written(value), &read), VarintBytes(value));
    ASSERT_EQ(read, value);
    std::array<std::byte, 12> bytes;
    for (std::byte& b : bytes) b = static_cast<std::byte>(random() | (random() % 2 ? 0x80 : 0));
    const std::size_t used = ReadVarint(bytes.data(), bytes.data() + bytes.size(), &read);
    if (used == 0) continue;
    ASSERT_EQ(Written(read), std::vector<std::byte>(bytes.data(), bytes.data() + used));
  }
}

TEST(Zigzag, SmallMagnitudesAreSmallNumbersBothWays) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{-2},
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(ZigzagDecode(ZigzagEncode(value)), value);
  }
  EXPECT_EQ(ZigzagEncode(-2), 3u);
}

}  // namespace
}  // namespace raftmq
