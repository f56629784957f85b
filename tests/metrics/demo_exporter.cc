// Serves one of each kind of metric until stdin ends; prints {"http":"127.0.0.1:PORT"} when ready.
// prometheus_test.py scrapes it with the real server.
#include <fmt/core.h>

#include <cstdio>

#include "metrics/http_endpoint.h"
#include "metrics/process_metrics.h"
#include "metrics/registry.h"

int main() {
  using namespace raftmq;
  const RealClock clock;
  MetricsRegistry registry;
  const ProcessMetrics process(registry, clock, "demo");
  Counter events;
  events.Add(42);
  Histogram latency;
  for (std::uint64_t us = 1; us < 1'000'000; us *= 3) latency.Record(us);
  const auto kept_events = registry.Add({.name = "raftmq_demo_events_total",
                                         .help = "Events of the demonstration.",
                                         .kind = MetricKind::kCounter},
                                        {{"topic", "orders"}}, &events);
  const auto kept_latency = registry.Add({.name = "raftmq_demo_latency_seconds",
                                          .help = "Latency of the demonstration.",
                                          .kind = MetricKind::kHistogram,
                                          .scale = kMicrosecondsToSeconds},
                                         {{"listener", "client"}}, &latency);
  const auto healthy = [] { return HealthReport{.ok = true}; };
  const auto endpoint = HttpEndpoint::Start({}, registry, {.live = healthy, .ready = healthy});
  if (!endpoint) {
    fmt::print(stderr, "demo_exporter: {}\n", endpoint.error().ToString());
    return 1;
  }
  fmt::print("{{\"http\":\"127.0.0.1:{}\"}}\n", (*endpoint)->bound_port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
