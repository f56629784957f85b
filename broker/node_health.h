// Whether this process lives and is ready, for /livez and /readyz, and how its disk is.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "broker/broker_options.h"
#include "metrics/health.h"
#include "metrics/registry.h"
#include "protocol/types/clock.h"

namespace raftmq::broker {

class Shard;
class SpaceKeeper;

// Thread-safe. The shards must outlive the calls of Live and the scrapes.
class NodeHealth {
 public:
  enum class Stage { kRecovering, kReady, kDraining };

  NodeHealth(const BrokerOptions& options, const SpaceKeeper& space, const Clock& clock,
             MetricsRegistry& metrics);

  void WatchShards(std::vector<const Shard*> shards);
  void SetStage(Stage stage) { stage_ = stage; }
  void SetRecovered(Microseconds took);

  // Loops responsive, disk threads not stuck; never a matter of other nodes.
  HealthReport Live() const;
  // Live, recovered and not draining.
  HealthReport Ready() const;

 private:
  HealthItem LoopItem(const Shard& shard) const;
  HealthItem DiskItem(const Shard& shard) const;
  HealthItem StateItem() const;
  void RegisterDisk(MetricsRegistry& metrics);
  double DiskAlert() const;

  const BrokerOptions& options_;
  const SpaceKeeper& space_;
  const Clock& clock_;
  std::atomic<Stage> stage_{Stage::kRecovering};
  std::atomic<double> recovery_seconds_{0};
  mutable std::mutex mutex_;  // Guards the three below.
  std::vector<const Shard*> shards_;
  mutable std::uint64_t refused_seen_ = 0;  // Proposals refused for a full disk so far.
  mutable Microseconds refused_at_{-1};     // When that number last rose; negative = never.
  std::vector<MetricRegistration> registrations_;
};

}  // namespace raftmq::broker
