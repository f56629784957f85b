#include "cli/quantity.h"

#include <gtest/gtest.h>

#include <limits>

namespace raftmq::cli {
namespace {

TEST(Quantity, CountsAreDigitsWithinTheirBounds) {
  constexpr Bounds<std::uint64_t> kAny{0, std::numeric_limits<std::uint64_t>::max()};
  EXPECT_EQ(ParseCountIn(kAny, "0"), 0u);
  EXPECT_EQ(ParseCountIn(kAny, "010"), 10u);
  EXPECT_EQ(ParseCountIn(kAny, "18446744073709551615"), kAny.most);
  for (const char* text :
       {"-1", "+1", "18446744073709551616", "1.5", "0x10", "1 ", " 1", "ten", ""})
    EXPECT_EQ(ParseCountIn(kAny, text).error().code, ErrorCode::kInvalidArgument) << text;
  EXPECT_TRUE(ParseCountIn({1, 7}, "7").has_value());
  EXPECT_FALSE(ParseCountIn({1, 7}, "0").has_value());
  EXPECT_EQ(ParseCountIn({1, 7}, "8").error().message,
            "expected a whole number from 1 to 7, found '8'");
}

TEST(Quantity, DurationsAreWholeMillisecondsWithinTheirBounds) {
  using std::chrono::milliseconds;
  constexpr Bounds<milliseconds> kBounds{milliseconds(1), milliseconds(60'000)};
  EXPECT_EQ(ParseDurationIn(kBounds, "1m"), milliseconds(60'000));
  EXPECT_EQ(ParseDurationIn(kBounds, "1500us"), milliseconds(1));
  for (const char* text : {"0", "500us", "61s", "-1s", "9999999d", "soon", "5", ""})
    EXPECT_EQ(ParseDurationIn(kBounds, text).error().code, ErrorCode::kInvalidArgument) << text;
}

TEST(Quantity, SizesEndAtTheirBounds) {
  constexpr Bounds<std::uint64_t> kBounds{121, 64u << 20};
  EXPECT_EQ(ParseBytesIn(kBounds, "121"), 121u);
  EXPECT_EQ(ParseBytesIn(kBounds, "64MiB"), 64u << 20);
  for (const char* text : {"120", "67108865", "99999999999", "16 EiB", "-1", ""}) {
    EXPECT_EQ(ParseBytesIn(kBounds, text).error().code, ErrorCode::kInvalidArgument) << text;
  }
  const std::string message = ParseBytesIn(kBounds, "1GiB").error().message;
  EXPECT_EQ(message, "expected a size from 121B to 64MiB, found '1GiB'");
}

}  // namespace
}  // namespace raftmq::cli
