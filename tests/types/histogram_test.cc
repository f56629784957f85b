#include "protocol/types/histogram.h"

#include <gtest/gtest.h>

#include <random>

namespace raftmq {
namespace {

TEST(HistogramTest, BucketsCoverEveryValueWithoutGapOrOverlap) {
  for (std::size_t bucket = 0; bucket + 1 < Histogram::kBuckets; ++bucket) {
    const std::uint64_t upper = Histogram::UpperBoundOf(bucket);
    ASSERT_EQ(Histogram::BucketOf(upper), bucket);
    ASSERT_EQ(Histogram::BucketOf(upper + 1), bucket + 1);
  }
  EXPECT_EQ(Histogram::BucketOf(~std::uint64_t{0}), Histogram::kBuckets - 1);
}

TEST(HistogramTest, QuantileIsAtMostOneSixteenthTooHigh) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100'000; ++value) histogram.Record(value);
  for (const double q : {0.5, 0.99, 0.999}) {
    const double exact = q * 100'000;
    const auto got = static_cast<double>(histogram.Quantile(q));
    EXPECT_GE(got, exact - 1);
    EXPECT_LE(got, exact * (1 + 1.0 / 16));
  }
  EXPECT_EQ(histogram.Quantile(1), 100'000u);
  EXPECT_EQ(histogram.sum(), std::uint64_t{100'000} * 100'001 / 2);
}

TEST(HistogramTest, MergeEqualsRecordingBoth) {
  Histogram one, two, both;
  std::mt19937_64 random(7);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = random() >> (random() % 60);
    (i % 2 == 0 ? one : two).Record(value);
    both.Record(value);
  }
  one.Merge(two);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.max(), both.max());
  EXPECT_EQ(one.Quantile(0.9), both.Quantile(0.9));
}

TEST(HistogramTest, EmptyAnswersZero) { EXPECT_EQ(Histogram().Quantile(0.99), 0u); }

}  // namespace
}  // namespace raftmq
