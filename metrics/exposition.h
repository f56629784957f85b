// The registry as Prometheus' text format.
#pragma once

#include <string>

#include "metrics/registry.h"
#include "raftmq/result.h"

namespace raftmq {

inline constexpr const char* kExpositionContentType = "text/plain; version=0.0.4; charset=utf-8";

// Everything `query` asks for, as it is at this moment. Any thread.
// Errors: kInternal if prometheus-cpp throws (out of memory).
Result<std::string> RenderMetrics(const MetricsRegistry& registry, const MetricQuery& query);

}  // namespace raftmq
