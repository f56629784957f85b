#include "metrics/registry.h"

#include <prometheus/metric_family.h>

#include <algorithm>
#include <cmath>

#include "protocol/types/check.h"

namespace raftmq {
namespace {

bool IsLowerOrUnderscore(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsValidName(std::string_view name) {
  return !name.empty() && IsLowerOrUnderscore(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLowerOrUnderscore(c) || IsDigit(c); });
}

void CheckFamily(const MetricFamilyOptions& options) {
  RAFTMQ_CHECK(IsValidName(options.name));
  RAFTMQ_CHECK(!options.help.empty());
  RAFTMQ_CHECK(options.scale > 0);
  RAFTMQ_CHECK(options.name.ends_with("_total") == (options.kind == MetricKind::kCounter));
}

void CheckSeries(MetricKind kind, const MetricLabels& labels, const MetricSource& source) {
  for (const auto& [name, value] : labels) RAFTMQ_CHECK(IsValidName(name) && name != "le");
  const bool is_histogram = std::holds_alternative<const Histogram*>(source);
  RAFTMQ_CHECK(is_histogram == (kind == MetricKind::kHistogram));
  if (const auto* counter = std::get_if<const Counter*>(&source)) RAFTMQ_CHECK(*counter != nullptr);
  if (is_histogram) RAFTMQ_CHECK(std::get<const Histogram*>(source) != nullptr);
}

std::size_t LinesPerSeries(const MetricFamilyOptions& options) {
  if (options.kind != MetricKind::kHistogram) return 1;
  return BucketBounds(options.buckets).size() + 3;  // The infinite bucket, sum and count.
}

using Sources = std::map<std::uint64_t, MetricSource>;

double SumOf(const Sources& sources, double scale) {
  double sum = 0;
  for (const auto& [id, source] : sources) {
    if (const auto* counter = std::get_if<const Counter*>(&source)) {
      sum += static_cast<double>((*counter)->value()) * scale;
    } else {
      sum += std::get<std::function<double()>>(source)() * scale;
    }
  }
  return sum;
}

prometheus::ClientMetric::Histogram HistogramOf(const Sources& sources,
                                                const MetricFamilyOptions& options) {
  prometheus::ClientMetric::Histogram out;
  for (const double bound : BucketBounds(options.buckets)) out.bucket.push_back({0, bound});
  for (const auto& [id, source] : sources) {
    const Histogram& histogram = *std::get<const Histogram*>(source);
    std::uint64_t counted = 0;
    for (auto& bucket : out.bucket) {
      const auto recorded_bound =
          static_cast<std::uint64_t>(std::llround(bucket.upper_bound / options.scale));
      counted = histogram.CountAtMost(recorded_bound);
      bucket.cumulative_count += counted;
    }
    // A recording under way may stand in its bucket before it stands in the count: the total must
    // not fall below the buckets that were just read.
    out.sample_count += std::max(histogram.count(), counted);
    out.sample_sum += static_cast<double>(histogram.sum()) * options.scale;
  }
  return out;
}

prometheus::MetricType TypeOf(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return prometheus::MetricType::Counter;
    case MetricKind::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricKind::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  RAFTMQ_CHECK(false && "a metric kind outside the enumeration");
}

prometheus::ClientMetric SeriesOf(const MetricFamilyOptions& options, const MetricLabels& labels,
                                  const Sources& sources) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  switch (options.kind) {
    case MetricKind::kCounter:
      metric.counter.value = SumOf(sources, options.scale);
      break;
    case MetricKind::kGauge:
      metric.gauge.value = SumOf(sources, options.scale);
      break;
    case MetricKind::kHistogram:
      metric.histogram = HistogramOf(sources, options);
      break;
  }
  return metric;
}

bool IsAskedFor(const MetricLabels& labels, const MetricQuery& query) {
  if (query.topic.empty()) return true;
  const auto topic = labels.find("topic");
  return topic != labels.end() && topic->second == query.topic;
}

prometheus::MetricFamily RefusedFamily(std::uint64_t refused) {
  prometheus::MetricFamily family{"raftmq_metrics_series_refused_total",
                                  "Series not exported because of metrics.max_series.",
                                  prometheus::MetricType::Counter,
                                  {}};
  family.metric.emplace_back().counter.value = static_cast<double>(refused);
  return family;
}

}  // namespace

MetricRegistration& MetricRegistration::operator=(MetricRegistration&& other) noexcept {
  if (this == &other) return *this;
  Reset();
  registry_ = std::exchange(other.registry_, nullptr);
  id_ = other.id_;
  return *this;
}

void MetricRegistration::Reset() {
  if (registry_ != nullptr) std::exchange(registry_, nullptr)->Remove(id_);
}

MetricsRegistry::MetricsRegistry(MetricLimits limits) : limits_(limits) {}

MetricsRegistry::~MetricsRegistry() { RAFTMQ_CHECK(places_.empty()); }

MetricRegistration MetricsRegistry::Add(const MetricFamilyOptions& family, MetricLabels labels,
                                        MetricSource source) {
  CheckFamily(family);
  CheckSeries(family.kind, labels, source);
  const std::lock_guard lock(mutex_);
  Family* const home = FindOrCreate(family);
  if (!home->series.contains(labels)) {
    std::size_t* const lines = LinesOf(family.tier);
    if (*lines + LinesPerSeries(family) > LinesMax(family.tier)) {
      ++refused_;
      return {};
    }
    *lines += LinesPerSeries(family);
  }
  const std::uint64_t id = next_id_++;
  home->series[labels].emplace(id, std::move(source));
  places_.emplace(id, Place(home, std::move(labels)));
  return MetricRegistration(this, id);
}

void MetricsRegistry::Remove(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(id);
  RAFTMQ_CHECK(place != places_.end());
  auto& [family, labels] = place->second;
  const auto series = family->series.find(labels);
  series->second.erase(id);
  if (series->second.empty()) {
    family->series.erase(series);
    *LinesOf(family->options.tier) -= LinesPerSeries(family->options);
  }
  places_.erase(place);
}

std::vector<prometheus::MetricFamily> MetricsRegistry::Collect(const MetricQuery& query) const {
  std::vector<prometheus::MetricFamily> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, family] : families_) {
    if (family.options.tier != query.tier) continue;
    prometheus::MetricFamily rendered{name, family.options.help, TypeOf(family.options.kind), {}};
    for (const auto& [labels, sources] : family.series) {
      if (IsAskedFor(labels, query)) {
        rendered.metric.push_back(SeriesOf(family.options, labels, sources));
      }
    }
    if (!rendered.metric.empty()) out.push_back(std::move(rendered));
  }
  if (query.tier == MetricTier::kNode && query.topic.empty())
    out.push_back(RefusedFamily(refused_));
  return out;
}

std::size_t MetricsRegistry::series(MetricTier tier) const {
  const std::lock_guard lock(mutex_);
  return tier == MetricTier::kNode ? node_lines_ : detailed_lines_;
}

MetricsRegistry::Family* MetricsRegistry::FindOrCreate(const MetricFamilyOptions& options) {
  const auto [place, created] = families_.try_emplace(options.name);
  if (created) place->second.options = options;
  RAFTMQ_CHECK(place->second.options == options);
  return &place->second;
}

std::size_t* MetricsRegistry::LinesOf(MetricTier tier) {
  return tier == MetricTier::kNode ? &node_lines_ : &detailed_lines_;
}

std::size_t MetricsRegistry::LinesMax(MetricTier tier) const {
  return tier == MetricTier::kNode ? limits_.node_series_max : limits_.detailed_series_max;
}

}  // namespace raftmq
