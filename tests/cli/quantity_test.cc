#include "cli/quantity.h"

#include <gtest/gtest.h>

namespace raftmq::cli {
namespace {

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
