// Frames between two places: one behind the other or on fresh pages, so that the end fits.
#include "segment/repair_layout.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "protocol/types/bytes.h"
#include "segment/file_system.h"

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

// Every layout there is, tried one by one.
bool MayEndAt(const RunToLayOut& run, std::size_t frame, std::uint64_t end) {
  for (const std::uint64_t at : {end, AlignUp(end, kPageBytes)}) {
    const bool is_last = frame == run.lengths.size();
    if (is_last ? at == run.next_at : MayEndAt(run, frame + 1, at + run.lengths[frame]))
      return true;
  }
  return false;
}

void ExpectLaidOut(const RunToLayOut& run, const Places& places) {
  ASSERT_EQ(places.size(), run.lengths.size());
  std::uint64_t end = run.begin;
  for (std::size_t i = 0; i < places.size(); ++i) {
    EXPECT_TRUE(places[i] == end || places[i] == AlignUp(end, kPageBytes));
    end = places[i] + run.lengths[i];
  }
  EXPECT_TRUE(run.next_at == end || run.next_at == AlignUp(end, kPageBytes));
}

TEST(RepairLayoutTest, WhatFitsAtAllIsFound) {
  constexpr std::uint64_t kSeed = 1;
  std::mt19937_64 random(kSeed);
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::size_t fitting = 0;
  for (int round = 0; round < 20'000; ++round) {
    RunToLayOut run{.begin = 1024 * (random() % 8)};
    std::uint64_t end = run.begin;
    for (std::size_t frames = 1 + random() % 5; frames > 0; --frames) {
      run.lengths.push_back(1024 * (1 + random() % 6));
      end += run.lengths.back();
    }
    run.next_at = end + 1024 * (random() % 24);
    const auto places = LayOutRun(run);
    ASSERT_EQ(places.has_value(), MayEndAt(run, 0, run.begin));
    if (!places) continue;
    ++fitting;
    ExpectLaidOut(run, *places);
  }
  EXPECT_GT(fitting, 1000u);
}

// A whole segment of small jobs, each on a page of its own.
TEST(RepairLayoutTest, ManyFramesOfManyLengthsAreFound) {
  RunToLayOut run;
  std::uint64_t end = 0;
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    if (i % 7 == 0) end = AlignUp(end, kPageBytes);
    run.lengths.push_back(136 + 8 * (i * i % 101));
    end += run.lengths.back();
  }
  run.next_at = end;
  const auto places = LayOutRun(run);
  ASSERT_TRUE(places.has_value());
  ExpectLaidOut(run, *places);
}

}  // namespace
}  // namespace raftmq
