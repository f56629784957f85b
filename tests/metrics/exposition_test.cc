#include "metrics/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace raftmq {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ExpositionTest, TextHasHelpTypeAndValue) {
  MetricsRegistry registry;
  Counter counter;
  const auto kept = registry.Add(
      {.name = "raftmq_bytes_total", .help = "Bytes moved.", .kind = MetricKind::kCounter},
      {{"direction", "in"}}, &counter);
  counter.Add(1'234'567'890'123);
  EXPECT_THAT(*RenderMetrics(registry, {}),
              HasSubstr("# HELP raftmq_bytes_total Bytes moved.\n"
                        "# TYPE raftmq_bytes_total counter\n"
                        "raftmq_bytes_total{direction=\"in\"} 1234567890123\n"));
}

TEST(ExpositionTest, LabelValuesAreEscaped) {
  MetricsRegistry registry;
  Counter counter;
  const auto kept =
      registry.Add({.name = "raftmq_odd_total", .help = "Odd.", .kind = MetricKind::kCounter},
                   {{"topic", "a\nb\"c\\d"}}, &counter);
  const std::string text = *RenderMetrics(registry, {});
  EXPECT_THAT(text, HasSubstr(R"(topic="a\nb\"c\\d")"));
  EXPECT_THAT(text, Not(HasSubstr("a\nb")));
}

TEST(ExpositionTest, AHistogramEndsInItsInfiniteBucket) {
  MetricsRegistry registry;
  Histogram histogram;
  const auto kept = registry.Add({.name = "raftmq_batch_records",
                                  .help = "Records per batch.",
                                  .kind = MetricKind::kHistogram,
                                  .buckets = BucketLadder::kBatchSize},
                                 {}, &histogram);
  histogram.Record(3);
  histogram.Record(1'000'000);
  const std::string text = *RenderMetrics(registry, {});
  EXPECT_THAT(text, HasSubstr("raftmq_batch_records_count 2\n"));
  EXPECT_THAT(text, HasSubstr("raftmq_batch_records_sum 1000003\n"));
  EXPECT_THAT(text, HasSubstr("raftmq_batch_records_bucket{le=\"4\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("raftmq_batch_records_bucket{le=\"+Inf\"} 2\n"));
}

}  // namespace
}  // namespace raftmq
