// Which counters and histograms are exported under which names. The hot path writes its own
// Counter and Histogram and never comes here; this is the list of pointers that a scrape walks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "metrics/buckets.h"
#include "protocol/types/counter.h"
#include "protocol/types/histogram.h"

namespace prometheus {
struct ClientMetric;
struct MetricFamily;
}  // namespace prometheus

namespace raftmq {

enum class MetricKind { kCounter, kGauge, kHistogram };

// Where a family is shown. Node: /metrics, bounded whatever the number of partitions. Detailed:
// /metrics/detailed, per partition, scraped by choice.
enum class MetricTier { kNode, kDetailed };

inline constexpr double kMicrosecondsToSeconds = 1e-6;
inline constexpr double kNanosecondsToSeconds = 1e-9;

// A metric's name and meaning. Two declarations of one name must agree in everything.
struct MetricFamilyOptions {
  std::string name;  // [a-z_][a-z0-9_]*, base unit last; counters, and only they, end in _total.
  std::string help;  // One sentence, not empty.
  MetricKind kind = MetricKind::kCounter;
  double scale = 1;                                      // Exported value = recorded value * scale.
  BucketLadder buckets = BucketLadder::kLatencySeconds;  // Histograms only.
  MetricTier tier = MetricTier::kNode;

  bool operator==(const MetricFamilyOptions&) const = default;
};

// Label names and values, sorted by name. Values may be any text: the exposition escapes them.
using MetricLabels = std::map<std::string, std::string>;

// What a scrape reads. A function is called by the scraping thread with the registry's lock held:
// it must be thread-safe, fast, and must not touch the registry.
using MetricSource = std::variant<const Counter*, const Histogram*, std::function<double()>>;

class MetricsRegistry;

// Keeps one source exported for as long as it lives. When the destructor has returned, no scrape
// reads the source any more. Must not outlive the registry. Move-only.
class MetricRegistration {
 public:
  MetricRegistration() = default;
  MetricRegistration(MetricRegistration&& other) noexcept { *this = std::move(other); }
  MetricRegistration& operator=(MetricRegistration&& other) noexcept;
  ~MetricRegistration() { Reset(); }

  // Stops the export now. Waits for a scrape that is collecting (milliseconds at most).
  void Reset();
  // False after Reset, and if the registry refused the series because it is full.
  bool active() const { return registry_ != nullptr; }

 private:
  friend class MetricsRegistry;
  MetricRegistration(MetricsRegistry* registry, std::uint64_t id) : registry_(registry), id_(id) {}
  MetricsRegistry* registry_ = nullptr;
  std::uint64_t id_ = 0;
};

// What of the registry a scrape wants.
struct MetricQuery {
  MetricTier tier = MetricTier::kNode;
  std::string topic;  // If not empty, only series with this value of the label `topic`.
};

// Most exported lines per tier; a histogram counts one line per bucket and three more.
struct MetricLimits {
  std::size_t node_series_max = 2'000;
  std::size_t detailed_series_max = 50'000;
};

// Thread-safe: one mutex guards the lists, taken to add, to remove and to collect, never to count.
// Sources added under equal labels of one family are summed into one series, so that each shard
// registers its own counter under the name of the whole.
class MetricsRegistry {
 public:
  explicit MetricsRegistry(MetricLimits limits = {});
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  // Exports `source` until the returned registration dies; a pointer must stay valid until then.
  // REQUIRES: a valid family; a Histogram source for kind kHistogram and no other kind.
  // At the limit the series is refused: the registration is inactive and
  // raftmq_metrics_series_refused_total counts it.
  [[nodiscard]] MetricRegistration Add(const MetricFamilyOptions& family, MetricLabels labels,
                                       MetricSource source);

  // The current value of everything `query` asks for, families and series in name order.
  std::vector<prometheus::MetricFamily> Collect(const MetricQuery& query) const;

  // Exported lines at the moment, of one tier.
  std::size_t series(MetricTier tier) const;

 private:
  friend class MetricRegistration;
  struct Family {
    MetricFamilyOptions options;
    std::map<MetricLabels, std::map<std::uint64_t, MetricSource>>
        series;  // Labels -> id -> source.
  };
  using Place = std::pair<Family*, MetricLabels>;

  void Remove(std::uint64_t id);
  Family* FindOrCreate(const MetricFamilyOptions& options);
  std::size_t* LinesOf(MetricTier tier);
  std::size_t LinesMax(MetricTier tier) const;

  const MetricLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;  // A family stays once declared.
  std::map<std::uint64_t, Place> places_;                // Every source by its registration's id.
  std::uint64_t next_id_ = 1;
  std::size_t node_lines_ = 0;      // <= node_series_max; changed by Add and Remove.
  std::size_t detailed_lines_ = 0;  // <= detailed_series_max; changed by Add and Remove.
  std::uint64_t refused_ = 0;       // Series refused at a limit so far.
};

}  // namespace raftmq
