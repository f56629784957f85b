#include "metrics/exposition.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <vector>

namespace raftmq {
namespace {

// The one Collectable of the process: the registry's current values.
class RegistryCollectable final : public prometheus::Collectable {
 public:
  RegistryCollectable(const MetricsRegistry& registry, const MetricQuery& query)
      : registry_(registry), query_(query) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    return registry_.Collect(query_);
  }

 private:
  const MetricsRegistry& registry_;
  const MetricQuery& query_;
};

}  // namespace

Result<std::string> RenderMetrics(const MetricsRegistry& registry, const MetricQuery& query) {
  try {
    const prometheus::TextSerializer serializer;
    return serializer.Serialize(RegistryCollectable(registry, query).Collect());
  } catch (const std::exception& thrown) {
    return Fail(ErrorCode::kInternal, std::string("cannot render the metrics: ") + thrown.what());
  }
}

}  // namespace raftmq
