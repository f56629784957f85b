#include "raftlog/core/quorum.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

std::vector<Index> Reached(std::initializer_list<std::uint64_t> values) {
  std::vector<Index> reached;
  for (const auto value : values) reached.emplace_back(value);
  return reached;
}

TEST(Quorum, IsMoreThanHalf) {
  EXPECT_EQ(QuorumOf(1), 1u);
  EXPECT_EQ(QuorumOf(2), 2u);
  EXPECT_EQ(QuorumOf(3), 2u);
  EXPECT_EQ(QuorumOf(4), 3u);
  EXPECT_EQ(QuorumOf(5), 3u);
}

TEST(Quorum, IndexIsWhatAMajorityHasReached) {
  EXPECT_EQ(QuorumIndex(Reached({7})), Index(7));
  EXPECT_EQ(QuorumIndex(Reached({7, 3})), Index(3));
  EXPECT_EQ(QuorumIndex(Reached({7, 3, 5})), Index(5));
  EXPECT_EQ(QuorumIndex(Reached({0, 9, 9, 0})), Index(0));
  EXPECT_EQ(QuorumIndex(Reached({1, 2, 3, 4, 5})), Index(3));
}

}  // namespace
}  // namespace raftmq
