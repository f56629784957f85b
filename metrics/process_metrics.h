// The metrics every Prometheus client library exports about its process, from /proc, and
// raftmq_build_info and raftmq_uptime_seconds.
#pragma once

#include <string>
#include <vector>

#include "metrics/registry.h"
#include "protocol/types/clock.h"

namespace raftmq {

// Exports process_* and build data until destroyed. Immutable; `registry` and `clock` must outlive
// it. A file of /proc that cannot be read gives NaN, which Prometheus shows as absent.
class ProcessMetrics {
 public:
  ProcessMetrics(MetricsRegistry& registry, const Clock& clock, const std::string& version);

 private:
  std::vector<MetricRegistration> registrations_;
};

}  // namespace raftmq
