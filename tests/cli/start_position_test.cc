#include "cli/start_position.h"

#include <gtest/gtest.h>

namespace raftmq::cli {
namespace {

constexpr std::int64_t kNowMs = 1'800'000'000'000;

StartPosition Parse(const std::string& text) {
  const auto position = ParseStartPosition(text, kNowMs);
  EXPECT_TRUE(position.has_value()) << text;
  return position.value_or(StartPosition{});
}

TEST(StartPositionTest, WordsNumbersAndLastN) {
  EXPECT_EQ(Parse("start").kind, StartPosition::Kind::kStart);
  EXPECT_EQ(Parse("end").kind, StartPosition::Kind::kEnd);
  EXPECT_EQ(Parse("42").value, 42u);
  EXPECT_EQ(Parse("-100").kind, StartPosition::Kind::kLast);
  EXPECT_EQ(Parse("-100").value, 100u);
}

TEST(StartPositionTest, ADurationCountsBackFromNow) {
  EXPECT_EQ(Parse("-1h").kind, StartPosition::Kind::kTime);
  EXPECT_EQ(Parse("-1h").value, static_cast<std::uint64_t>(kNowMs - 3'600'000));
}

TEST(StartPositionTest, Rfc3339WithZoneAndFraction) {
  EXPECT_EQ(Parse("@2026-01-31T10:00:00Z").value, 1'769'853'600'000u);
  EXPECT_EQ(Parse("@2026-01-31T10:00:00.250Z").value, 1'769'853'600'250u);
  EXPECT_EQ(Parse("@2026-01-31T12:00:00+02:00").value, 1'769'853'600'000u);
}

TEST(StartPositionTest, AnythingElseSaysWhatWasExpected) {
  for (const char* text : {"", "x", "-", "@", "@yesterday", "12x", "-1y", "@2026-01-31T10:00+2"}) {
    const auto position = ParseStartPosition(text, kNowMs);
    ASSERT_FALSE(position.has_value()) << text;
    EXPECT_NE(position.error().message.find("expected start, end"), std::string::npos);
  }
}

}  // namespace
}  // namespace raftmq::cli
