#include "metrics/process_metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <unistd.h>

namespace raftmq {
namespace {

double Value(const MetricsRegistry& registry, const std::string& name) {
  for (const auto& family : registry.Collect({})) {
    if (family.name != name) continue;
    const auto& metric = family.metric.at(0);
    return family.type == prometheus::MetricType::Counter ? metric.counter.value
                                                          : metric.gauge.value;
  }
  ADD_FAILURE() << name << " is not exported";
  return 0;
}

TEST(ProcessMetricsTest, ValuesOfThisProcessArePlausible) {
  MetricsRegistry registry;
  const RealClock clock;
  const ProcessMetrics metrics(registry, clock, "1.2.3");
  EXPECT_GE(Value(registry, "process_cpu_seconds_total"), 0);
  EXPECT_GT(Value(registry, "process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(Value(registry, "process_start_time_seconds"), 1e9);
  EXPECT_GT(Value(registry, "process_max_fds"), 2);
  EXPECT_EQ(Value(registry, "raftmq_build_info"), 1);
}

TEST(ProcessMetricsTest, OpenFilesAreCounted) {
  MetricsRegistry registry;
  const RealClock clock;
  const ProcessMetrics metrics(registry, clock, "1.2.3");
  const double before = Value(registry, "process_open_fds");
  const int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  EXPECT_EQ(Value(registry, "process_open_fds"), before + 1);
  close(descriptor);
}

TEST(ProcessMetricsTest, UptimeFollowsTheClock) {
  MetricsRegistry registry;
  ManualClock clock;
  const ProcessMetrics metrics(registry, clock, "1.2.3");
  clock.Advance(Milliseconds(2'500));
  EXPECT_DOUBLE_EQ(Value(registry, "raftmq_uptime_seconds"), 2.5);
}

}  // namespace
}  // namespace raftmq
