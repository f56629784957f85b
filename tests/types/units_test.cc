#include "protocol/types/units.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace raftmq {
namespace {

using namespace std::chrono_literals;

TEST(UnitsTest, SizesKnowPowersOfTenAndOfTwo) {
  EXPECT_EQ(*ParseBytes("4096"), 4096u);
  EXPECT_EQ(*ParseBytes("64MiB"), std::uint64_t{64} << 20);
  EXPECT_EQ(*ParseBytes("64mib"), std::uint64_t{64} << 20);
  EXPECT_EQ(*ParseBytes("10 GB"), 10'000'000'000u);
  EXPECT_EQ(*ParseBytes("1.5KiB"), 1536u);
  EXPECT_EQ(*ParseBytes("1.50KiB"), 1536u);
  EXPECT_EQ(*ParseBytes("0B"), 0u);
  EXPECT_EQ(*ParseBytes("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
}

TEST(UnitsTest, DurationsNeedAUnit) {
  EXPECT_EQ(*ParseDuration("5ms"), 5ms);
  EXPECT_EQ(*ParseDuration("1.5s"), 1500ms);
  EXPECT_EQ(*ParseDuration("7d"), 168h);
  EXPECT_EQ(*ParseDuration("2w"), 336h);
  EXPECT_EQ(*ParseDuration("0"), 0ns);
  EXPECT_FALSE(ParseDuration("5"));
  EXPECT_FALSE(ParseDuration("5M"));
  EXPECT_FALSE(ParseDuration("300y"));
}

TEST(UnitsTest, WhatCannotBeMeantIsRefused) {
  for (const char* bad : {"", " ", "-1", "+1", "MiB", "1..5MiB", "1.MiB", ".5MiB", "1e3", "0x10",
                          "1.5", "0.3KiB", "16777216TiB", "18446744073709551616", "1 Mi B", "7d",
                          "999999999999999999999999999999", "64MiBs"}) {
    EXPECT_FALSE(ParseBytes(bad)) << bad;
  }
  for (const char* bad : {"", "ms", "-5ms", "0.5ns", "300000d", "64MiB", "1h30m"}) {
    EXPECT_FALSE(ParseDuration(bad)) << bad;
  }
}

TEST(UnitsTest, MessagesNameTheUnitThatWasFound) {
  EXPECT_NE(ParseBytes("7d").error().message.find("the unit 'd'"), std::string::npos);
  EXPECT_NE(ParseDuration("5").error().message.find("no unit"), std::string::npos);
}

TEST(UnitsTest, FormatPicksTheShortestExactForm) {
  EXPECT_EQ(FormatBytes(std::uint64_t{128} << 20), "128MiB");
  EXPECT_EQ(FormatBytes(1000), "1000B");
  EXPECT_EQ(FormatBytes(0), "0B");
  EXPECT_EQ(FormatDuration(168h), "7d");
  EXPECT_EQ(FormatDuration(90s), "90s");
  EXPECT_EQ(FormatDuration(1500us), "1500us");
  EXPECT_EQ(FormatDuration(0ns), "0s");
}

TEST(UnitsTest, WhatFormatWritesParseReadsBack) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t value = (random() >> (random() % 64)) << (random() % 40);
    ASSERT_EQ(*ParseBytes(FormatBytes(value)), value);
    const std::chrono::nanoseconds time(static_cast<std::int64_t>(value >> 1));
    ASSERT_EQ(*ParseDuration(FormatDuration(time)), time);
  }
}

}  // namespace
}  // namespace raftmq
