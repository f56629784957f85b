#include "producer/partitioner.h"

#include <gtest/gtest.h>

namespace raftmq::internal {
namespace {

// Values of org.apache.kafka.common.utils.Utils.murmur2, as its own test (UtilsTest.testMurmur2)
// lists them.
TEST(Murmur2, AgreesWithKafkasJavaClient) {
  EXPECT_EQ(static_cast<std::int32_t>(Murmur2("21")), -973932308);
  EXPECT_EQ(static_cast<std::int32_t>(Murmur2("foobar")), -790332482);
  EXPECT_EQ(static_cast<std::int32_t>(Murmur2("a-little-bit-long-string")), -985981536);
  EXPECT_EQ(static_cast<std::int32_t>(Murmur2("a-little-bit-longer-string")), -1486304829);
  EXPECT_EQ(static_cast<std::int32_t>(Murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")),
            -58897971);
  EXPECT_EQ(static_cast<std::int32_t>(Murmur2("abc")), 479470107);
}

TEST(PartitionOfKey, ClearsTheSignBitBeforeTheRemainder) {
  EXPECT_EQ(PartitionOfKey("21", 1000),
            (static_cast<std::uint32_t>(-973932308) & 0x7fffffff) % 1000);
  EXPECT_EQ(PartitionOfKey("anything", 1), 0u);
}

}  // namespace
}  // namespace raftmq::internal
