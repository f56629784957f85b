#include "raftmq/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "raftmq/result.h"

namespace raftmq {
namespace {

TEST(ErrorTest, EveryCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  int named = 0;
  for (int value = 0; value < 200; ++value) {
    const auto name = ErrorName(static_cast<ErrorCode>(value));
    if (name == "UNKNOWN") continue;
    ++named;
    names.insert(name);
  }
  EXPECT_EQ(named, static_cast<int>(names.size()));
  EXPECT_GE(named, 35);
}

TEST(ErrorTest, AnAnswerThatNeverCameIsUnknownAndRetriable) {
  EXPECT_TRUE(IsRetriable(ErrorCode::kTimeout));
  EXPECT_FALSE(IsDefinite(ErrorCode::kTimeout));
  EXPECT_TRUE(IsDefinite(ErrorCode::kDiskFull));
  EXPECT_FALSE(IsRetriable(ErrorCode::kBadBatch));
}

TEST(ErrorTest, WhatASessionRefusesIsFinalAndDefinite) {
  for (const ErrorCode code :
       {ErrorCode::kUnknownSession, ErrorCode::kSequenceGap, ErrorCode::kSequenceOverlap,
        ErrorCode::kFenced, ErrorCode::kDuplicateOffsetUnknown, ErrorCode::kOffsetMismatch}) {
    EXPECT_FALSE(IsRetriable(code)) << ErrorName(code);
    EXPECT_TRUE(IsDefinite(code)) << ErrorName(code);
  }
}

Result<int> Half(int n) {
  if (n % 2 != 0) return Fail(ErrorCode::kInvalidArgument, "expected an even number");
  return n / 2;
}

Result<int> Quarter(int n) {
  RAFTMQ_TRY_ASSIGN(const int half, Half(n));
  RAFTMQ_TRY(Half(half));
  return half / 2;
}

TEST(ResultTest, TryLeavesWithTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  const auto failed = Quarter(6);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().ToString(), "INVALID_ARGUMENT: expected an even number");
}

}  // namespace
}  // namespace raftmq
