#include "protocol/types/nearest.h"

#include <gtest/gtest.h>

#include <array>

namespace raftmq {
namespace {

constexpr std::array<std::string_view, 4> kNames{"storage.segment_bytes", "storage.retention",
                                                 "log.level", "node.id"};

TEST(NearestTest, DistanceCountsSlipsOfTheFinger) {
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("abc", "abc"), 0u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("ordres", "orders"), 1u);
  EXPECT_EQ(EditDistance("ABC", "abc"), 0u);
}

TEST(NearestTest, ASlipFindsItsNameAndNoiseFindsNothing) {
  EXPECT_EQ(Nearest("log.levle", kNames), "log.level");
  EXPECT_EQ(Nearest("storage.segment-byte", kNames), "storage.segment_bytes");
  EXPECT_EQ(Nearest("node.di", kNames), "node.id");
  EXPECT_EQ(Nearest("colour", kNames), "");
  EXPECT_EQ(Nearest("", kNames), "");
  EXPECT_EQ(Nearest(std::string(10'000, 'x'), kNames), "");
}

TEST(NearestTest, TheSuggestionEndsAMessage) {
  EXPECT_EQ(DidYouMean("log.leve", kNames), "; did you mean 'log.level'?");
  EXPECT_EQ(DidYouMean("zzz", kNames), "");
}

}  // namespace
}  // namespace raftmq
