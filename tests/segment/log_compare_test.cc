#include "segment/log_compare.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

LogOutline Outline(std::uint64_t first, std::vector<std::uint64_t> hashes,
                   std::uint64_t committed = 0) {
  return {.path = "",
          .committed = Index(committed),
          .first = Index(first),
          .header_hashes = std::move(hashes)};
}

TEST(LogCompare, ReplicasThatHoldTheSameWhereBothHoldAnythingAreEqual) {
  // One begins later, one ends earlier, one has a damaged entry.
  const LogComparison compared =
      CompareLogs({Outline(1, {11, 12, 13, 14}), Outline(3, {13, 14, 15}), Outline(1, {11, 0})});
  EXPECT_FALSE(compared.difference.has_value());
  EXPECT_EQ(compared.entries, 3u);  // 1, 3 and 4.
}

TEST(LogCompare, TheFirstDifferenceIsNamedWithItsTwoReplicas) {
  const LogComparison compared = CompareLogs(
      {Outline(3, {13, 14}), Outline(1, {11, 12, 13, 14}, 4), Outline(1, {11, 12, 99, 98})});
  ASSERT_TRUE(compared.difference.has_value());
  EXPECT_EQ(compared.difference->index, Index(3));
  EXPECT_EQ(compared.difference->one, 0u);
  EXPECT_EQ(compared.difference->other, 2u);
  EXPECT_TRUE(compared.difference->is_committed);
  EXPECT_EQ(compared.entries, 2u);
}

TEST(LogCompare, AboveWhatAnyReplicaKnowsToBeCommittedTheyMayDiffer) {
  const LogComparison compared = CompareLogs({Outline(1, {11, 12}, 1), Outline(1, {11, 99}, 1)});
  ASSERT_TRUE(compared.difference.has_value());
  EXPECT_FALSE(compared.difference->is_committed);
}

TEST(LogCompare, NothingToCompareIsNoDifference) {
  EXPECT_EQ(CompareLogs({}).entries, 0u);
  EXPECT_FALSE(CompareLogs({Outline(1, {}), Outline(1, {11})}).difference.has_value());
}

TEST(LogOutline, ALogIsOutlinedByItsEntries) {
  LogOutline outline;
  BatchHeader header;
  const std::string path;
  for (const std::uint64_t index : {5u, 6u, 9u}) {
    header.leader.index = Index(index);
    header.header_hash = 100 + index;
    outline.Add({.header = header, .frame = {}, .path = path});
  }
  EXPECT_EQ(outline.HashAt(Index(4)), 0u);
  EXPECT_EQ(outline.HashAt(Index(6)), 106u);
  EXPECT_EQ(outline.HashAt(Index(7)), 0u);
  EXPECT_EQ(outline.HashAt(Index(9)), 109u);
  EXPECT_EQ(outline.HashAt(Index(10)), 0u);
}

}  // namespace
}  // namespace raftmq
