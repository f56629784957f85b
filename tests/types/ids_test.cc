#include "protocol/types/ids.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace raftmq {
namespace {

TEST(IdsTest, NumbersOfDifferentKindsDoNotMix) {
  static_assert(!std::is_convertible_v<Index, Offset>);
  static_assert(!std::is_convertible_v<std::uint64_t, Index>);
  EXPECT_EQ(Index(4).Next(), Index(5));
  EXPECT_LT(Offset(1), Offset(2));
}

TEST(IdsTest, GroupIsNamedByHexTopicAndPartition) {
  const GroupId group{TopicId{0xABC, 1}, PartitionNumber(7)};
  EXPECT_EQ(group.ToString(), "0000000000000abc0000000000000001-7");
}

}  // namespace
}  // namespace raftmq
