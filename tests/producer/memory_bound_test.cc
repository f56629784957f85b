#include "producer/memory_bound.h"

#include <gtest/gtest.h>

#include <thread>

namespace raftmq::internal {
namespace {

constexpr std::chrono::milliseconds kLong{20'000};

TEST(MemoryBound, RefusesBeyondItsBound) {
  MemoryBound memory(10);
  EXPECT_TRUE(memory.TryTake(6));
  EXPECT_FALSE(memory.TryTake(5));
  EXPECT_TRUE(memory.TryTake(4));
  memory.Give(6);
  EXPECT_EQ(memory.used(), 4u);
  EXPECT_TRUE(memory.TryTake(5));
}

TEST(MemoryBound, WaitersGoOnWhenThereIsRoom) {
  MemoryBound memory(10);
  ASSERT_TRUE(memory.TryTake(10));
  auto outcome = MemoryBound::Outcome::kTimeout;
  std::thread waiter([&] { outcome = memory.Take(3, kLong); });
  memory.Give(5);
  waiter.join();
  EXPECT_EQ(outcome, MemoryBound::Outcome::kTaken);
  EXPECT_EQ(memory.used(), 8u);
}

TEST(MemoryBound, WaitingEndsWithTime) {
  MemoryBound memory(10);
  ASSERT_TRUE(memory.TryTake(10));
  EXPECT_EQ(memory.Take(1, std::chrono::milliseconds(1)), MemoryBound::Outcome::kTimeout);
}

TEST(MemoryBound, CloseSendsWaitersAway) {
  MemoryBound memory(10);
  ASSERT_TRUE(memory.TryTake(10));
  std::thread closer([&] { memory.Close(); });
  EXPECT_EQ(memory.Take(1, kLong), MemoryBound::Outcome::kClosed);
  closer.join();
}

}  // namespace
}  // namespace raftmq::internal
