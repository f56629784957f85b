#include "producer/accumulator.h"

#include <gtest/gtest.h>

#include <string>

namespace raftmq::internal {
namespace {

Accumulator::Added Add(Accumulator& accumulator, std::string_view value) {
  Producer::SendCallback callback;
  return accumulator.Add({.value = value, .timestamp_ms = 1}, 10, callback);
}

TEST(Accumulator, TellsWhenABatchIsBegunAndWhenItIsFull) {
  Accumulator accumulator({.batch_bytes = 400});
  const std::string value(100, 'x');
  EXPECT_TRUE(Add(accumulator, value).opened);
  EXPECT_FALSE(Add(accumulator, value).opened);
  const auto third = Add(accumulator, value);
  EXPECT_TRUE(third.sealed);
  EXPECT_TRUE(third.opened);
  std::deque<OutgoingBatch> batches;
  EXPECT_FALSE(accumulator.Take(false, &batches));
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].callbacks.size(), 2u);
  EXPECT_EQ(batches[0].charge, 20u);
  EXPECT_TRUE(accumulator.Take(true, &batches));
  EXPECT_EQ(batches.size(), 2u);
  EXPECT_FALSE(accumulator.open_since().has_value());
}

TEST(Accumulator, GivesALargeMessageABatchOfItsOwnInOrder) {
  Accumulator accumulator({.batch_bytes = 400});
  Add(accumulator, "small");
  EXPECT_TRUE(Add(accumulator, std::string(5000, 'x')).sealed);
  Add(accumulator, "small");
  std::deque<OutgoingBatch> batches;
  accumulator.Take(true, &batches);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_GT(batches[1].frame.size(), 5000u);
  EXPECT_LT(batches[0].number, batches[1].number);
  EXPECT_LT(batches[1].number, batches[2].number);
}

TEST(Accumulator, TakesNothingOnceClosed) {
  Accumulator accumulator({});
  accumulator.Close();
  EXPECT_TRUE(Add(accumulator, "late").closed);
}

}  // namespace
}  // namespace raftmq::internal
