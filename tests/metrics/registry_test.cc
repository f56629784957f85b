#include "metrics/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

namespace raftmq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

MetricFamilyOptions Events() {
  return {.name = "raftmq_events_total", .help = "Events seen.", .kind = MetricKind::kCounter};
}
MetricFamilyOptions TopicEvents() {
  return {.name = "raftmq_partition_events_total",
          .help = "Events seen per partition.",
          .kind = MetricKind::kCounter,
          .tier = MetricTier::kDetailed};
}
MetricFamilyOptions SyncTime() {
  return {.name = "raftmq_sync_seconds",
          .help = "Time of a sync.",
          .kind = MetricKind::kHistogram,
          .scale = kMicrosecondsToSeconds};
}

std::optional<prometheus::MetricFamily> Find(const MetricsRegistry& registry,
                                             const std::string& name, MetricQuery query = {}) {
  for (auto& family : registry.Collect(query)) {
    if (family.name == name) return family;
  }
  return std::nullopt;
}

TEST(MetricsRegistryTest, ACounterIsReadAtTheScrape) {
  MetricsRegistry registry;
  Counter counter;
  const auto kept = registry.Add(Events(), {{"shard", "0"}}, &counter);
  counter.Add(3);
  EXPECT_EQ(Find(registry, "raftmq_events_total")->metric.at(0).counter.value, 3);
  counter.Add();
  EXPECT_EQ(Find(registry, "raftmq_events_total")->metric.at(0).counter.value, 4);
}

TEST(MetricsRegistryTest, EqualLabelsAreSummedAcrossShards) {
  MetricsRegistry registry;
  Counter one, two;
  auto kept_one = registry.Add(Events(), {{"topic", "orders"}}, &one);
  const auto kept_two = registry.Add(Events(), {{"topic", "orders"}}, &two);
  one.Add(1);
  two.Add(10);
  EXPECT_EQ(Find(registry, "raftmq_events_total")->metric.size(), 1u);
  EXPECT_EQ(Find(registry, "raftmq_events_total")->metric.at(0).counter.value, 11);
  kept_one.Reset();
  EXPECT_EQ(Find(registry, "raftmq_events_total")->metric.at(0).counter.value, 10);
  EXPECT_EQ(registry.series(MetricTier::kNode), 1u);
}

TEST(MetricsRegistryTest, AGaugeMayBeAFunctionOrACounter) {
  MetricsRegistry registry;
  const MetricFamilyOptions family{
      .name = "raftmq_queue_bytes", .help = "Queued bytes.", .kind = MetricKind::kGauge};
  Counter set;
  set.Set(7);
  const auto one = registry.Add(family, {{"queue", "a"}}, &set);
  const auto two = registry.Add(family, {{"queue", "b"}}, [] { return 2.5; });
  const auto metric = Find(registry, "raftmq_queue_bytes")->metric;
  EXPECT_EQ(metric.at(0).gauge.value, 7);
  EXPECT_EQ(metric.at(1).gauge.value, 2.5);
}

TEST(MetricsRegistryTest, AHistogramIsScaledToBaseUnitsAndItsBucketsNeverFall) {
  MetricsRegistry registry;
  Histogram histogram;
  const auto kept = registry.Add(SyncTime(), {}, &histogram);
  for (const std::uint64_t microseconds : {50, 150, 5'000, 20'000'000}) {
    histogram.Record(microseconds);
  }
  const auto out = Find(registry, "raftmq_sync_seconds")->metric.at(0).histogram;
  EXPECT_EQ(out.sample_count, 4u);
  EXPECT_DOUBLE_EQ(out.sample_sum, 20.0052);
  EXPECT_DOUBLE_EQ(out.bucket.front().upper_bound, 0.0001);
  EXPECT_EQ(out.bucket.front().cumulative_count, 1u);
  EXPECT_EQ(out.bucket.at(1).cumulative_count, 2u);
  EXPECT_EQ(out.bucket.back().cumulative_count, 3u);  // 20 s is beyond the last finite bound.
  EXPECT_TRUE(std::is_sorted(out.bucket.begin(), out.bucket.end(), [](auto& a, auto& b) {
    return a.cumulative_count < b.cumulative_count;
  }));
}

TEST(MetricsRegistryTest, BucketLaddersAreThoseOfTheDocuments) {
  const auto first_and_last = [](BucketLadder ladder) {
    return std::vector<double>{BucketBounds(ladder).front(), BucketBounds(ladder).back()};
  };
  EXPECT_THAT(first_and_last(BucketLadder::kLatencySeconds), ElementsAre(0.0001, 0.0001 * 131072));
  EXPECT_THAT(first_and_last(BucketLadder::kBatchSize), ElementsAre(1, 65536));
  EXPECT_THAT(first_and_last(BucketLadder::kBytes), ElementsAre(256, 64 << 20));
}

TEST(MetricsRegistryTest, TheDetailedTierIsApartAndFilteredByTopic) {
  MetricsRegistry registry;
  Counter a, b;
  const auto one = registry.Add(TopicEvents(), {{"topic", "a"}, {"partition", "0"}}, &a);
  const auto two = registry.Add(TopicEvents(), {{"topic", "b"}, {"partition", "0"}}, &b);
  EXPECT_FALSE(Find(registry, "raftmq_partition_events_total"));
  const MetricQuery all{.tier = MetricTier::kDetailed};
  EXPECT_EQ(Find(registry, "raftmq_partition_events_total", all)->metric.size(), 2u);
  const MetricQuery only_b{.tier = MetricTier::kDetailed, .topic = "b"};
  EXPECT_EQ(Find(registry, "raftmq_partition_events_total", only_b)->metric.size(), 1u);
  const MetricQuery none{.tier = MetricTier::kDetailed, .topic = "c"};
  EXPECT_TRUE(registry.Collect(none).empty());
}

TEST(MetricsRegistryTest, AtTheLimitSeriesAreRefusedAndCounted) {
  MetricsRegistry registry({.node_series_max = 25, .detailed_series_max = 1});
  Counter counter;
  Histogram histogram;
  const auto detailed = registry.Add(TopicEvents(), {{"topic", "a"}}, &counter);
  EXPECT_TRUE(detailed.active());
  auto big = registry.Add(SyncTime(), {}, &histogram);  // 21 lines.
  EXPECT_TRUE(big.active());
  std::vector<MetricRegistration> kept;
  for (int i = 0; i < 10; ++i) {
    kept.push_back(registry.Add(Events(), {{"shard", std::to_string(i)}}, &counter));
  }
  EXPECT_EQ(registry.series(MetricTier::kNode), 25u);
  EXPECT_FALSE(kept.back().active());
  const auto refused = Find(registry, "raftmq_metrics_series_refused_total");
  EXPECT_EQ(refused->metric.at(0).counter.value, 6);
  big.Reset();  // Room again.
  EXPECT_TRUE(registry.Add(Events(), {{"shard", "x"}}, &counter).active());
}

TEST(MetricsRegistryTest, RemovalWhileAScrapeRunsIsSafe) {
  MetricsRegistry registry;
  std::atomic<bool> stop{false};
  std::thread scraper([&] {
    while (!stop) registry.Collect({});
  });
  for (int i = 0; i < 2'000; ++i) {
    // Freed memory that a scrape still read would be found by the address sanitizer.
    auto counter = std::make_unique<Counter>();
    auto histogram = std::make_unique<Histogram>();
    auto one = registry.Add(Events(), {{"topic", std::to_string(i % 7)}}, counter.get());
    auto two = registry.Add(SyncTime(), {{"topic", std::to_string(i % 7)}}, histogram.get());
    counter->Add();
    histogram->Record(static_cast<std::uint64_t>(i));
    one.Reset();
    two.Reset();
  }
  stop = true;
  scraper.join();
  EXPECT_EQ(registry.series(MetricTier::kNode), 0u);
}

TEST(MetricsRegistryDeathTest, OneNameHasOneMeaning) {
  MetricsRegistry registry;
  Counter counter;
  const auto kept = registry.Add(Events(), {}, &counter);
  MetricFamilyOptions other = Events();
  other.help = "Something else.";
  EXPECT_DEATH((void)registry.Add(other, {}, &counter), HasSubstr("options == options"));
}

TEST(MetricsRegistryDeathTest, BadNamesAndKindsAreBugs) {
  MetricsRegistry registry;
  Counter counter;
  MetricFamilyOptions no_total = Events();
  no_total.name = "raftmq_events";
  EXPECT_DEATH((void)registry.Add(no_total, {}, &counter), "_total");
  EXPECT_DEATH((void)registry.Add(Events(), {{"Bad-Label", "x"}}, &counter), "IsValidName");
  EXPECT_DEATH((void)registry.Add(SyncTime(), {}, &counter), "is_histogram");
}

}  // namespace
}  // namespace raftmq
