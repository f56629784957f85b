// Frames between two places: one behind the other or on fresh pages, so that the end fits.
#include "segment/repair_layout.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

using Places = std::vector<std::uint64_t>;

TEST(RepairLayoutTest, FramesFollowEachOtherWhereThatFits) {
  EXPECT_EQ(LayOutRun({.begin = 100, .lengths = {200, 300}, .next_at = 600}), (Places{100, 300}));
}

TEST(RepairLayoutTest, FreshPagesAreFoundByWhereTheNextFrameStands) {
  EXPECT_EQ(LayOutRun({.begin = 104, .lengths = {200, 304}, .next_at = 4400}), (Places{104, 4096}));
  EXPECT_EQ(LayOutRun({.begin = 104, .lengths = {200, 304, 400}, .next_at = 12288}),
            (Places{104, 4096, 8192}));
}

TEST(RepairLayoutTest, TheFrameBehindTheRunMayItselfBeginAPage) {
  EXPECT_EQ(LayOutRun({.begin = 104, .lengths = {200}, .next_at = 4096}), (Places{104}));
}

TEST(RepairLayoutTest, WhatCannotEndThereIsRefused) {
  EXPECT_FALSE(LayOutRun({.begin = 104, .lengths = {200}, .next_at = 312}).has_value());
  EXPECT_FALSE(LayOutRun({.begin = 104, .lengths = {200}, .next_at = 296}).has_value());
  EXPECT_FALSE(LayOutRun({.begin = 104, .lengths = {200}, .next_at = 12288}).has_value());
}

TEST(RepairLayoutTest, ManyFramesOnPagesOfTheirOwnAreFound) {
  const std::vector<std::uint64_t> lengths(200, 1000);
  const auto places = LayOutRun({.begin = 0, .lengths = lengths, .next_at = 200 * 4096});
  ASSERT_TRUE(places.has_value());
  EXPECT_EQ(places->size(), 200u);
}

}  // namespace
}  // namespace raftmq
