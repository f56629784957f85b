#include "protocol/client/backoff.h"

#include <gtest/gtest.h>

namespace raftmq::internal {
namespace {

TEST(Backoff, DoublesWithinItsBoundsWithJitter) {
  Backoff backoff(Milliseconds(100), Milliseconds(1000), 1);
  Milliseconds step(100);
  for (int i = 0; i < 10; ++i) {
    const Milliseconds wait = backoff.Next();
    EXPECT_GE(wait, step / 2);
    EXPECT_LE(wait, step);
    step = std::min(Milliseconds(1000), step * 2);
  }
}

TEST(Backoff, StartsAgainAfterReset) {
  Backoff backoff(Milliseconds(100), Milliseconds(1000), 1);
  for (int i = 0; i < 5; ++i) backoff.Next();
  backoff.Reset();
  EXPECT_LE(backoff.Next(), Milliseconds(100));
}

TEST(Backoff, IsTheSameForTheSameSeedAndDiffersBetweenSeeds) {
  Backoff a(Milliseconds(100), Milliseconds(10'000), 1);
  Backoff b(Milliseconds(100), Milliseconds(10'000), 1);
  Backoff c(Milliseconds(100), Milliseconds(10'000), 2);
  bool differs = false;
  for (int i = 0; i < 10; ++i) {
    const Milliseconds wait = a.Next();
    EXPECT_EQ(wait, b.Next());
    differs = differs || wait != c.Next();
  }
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace raftmq::internal
