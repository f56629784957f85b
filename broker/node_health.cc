#include "broker/node_health.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/shard.h"
#include "broker/space_keeper.h"

namespace raftmq::broker {
namespace {

constexpr Microseconds kRefusedFresh{60'000'000};

HealthReport ReportOf(std::vector<HealthItem> items) {
  const bool ok = std::ranges::all_of(items, [](const HealthItem& item) { return item.ok; });
  return {.ok = ok, .items = std::move(items)};
}

}  // namespace

NodeHealth::NodeHealth(const BrokerOptions& options, const SpaceKeeper& space, const Clock& clock,
                       MetricsRegistry& metrics)
    : options_(options), space_(space), clock_(clock) {
  RegisterDisk(metrics);
  registrations_.push_back(
      metrics.Add({.name = "raftmq_storage_recovery_seconds",
                   .help = "Time from the start of this process until every partition was open.",
                   .kind = MetricKind::kGauge},
                  {}, [this] { return recovery_seconds_.load(); }));
}

void NodeHealth::WatchShards(std::vector<const Shard*> shards) {
  const std::lock_guard lock(mutex_);
  shards_ = std::move(shards);
}

void NodeHealth::SetRecovered(Microseconds took) {
  recovery_seconds_ = static_cast<double>(took.count()) / 1e6;
}

HealthReport NodeHealth::Live() const {
  const std::lock_guard lock(mutex_);
  std::vector<HealthItem> items;
  for (const Shard* shard : shards_) {
    items.push_back(LoopItem(*shard));
    items.push_back(DiskItem(*shard));
  }
  if (items.empty()) items.push_back({"process", true, "starting"});
  items.push_back(StateItem());
  items.push_back(space_.Health());
  if (options_.storage.unsafe_no_sync) {
    items.push_back({"sync", true,
                     "switched off by storage.unsafe_no_sync: acked messages may be "
                     "lost when the machine stops"});
  }
  return ReportOf(std::move(items));
}

HealthReport NodeHealth::Ready() const {
  HealthReport report = Live();
  const Stage stage = stage_.load();
  report.items.push_back(
      {"recovery", stage != Stage::kRecovering,
       stage == Stage::kRecovering ? "partitions are being opened" : "all are open"});
  report.items.push_back({"service", stage != Stage::kDraining,
                          stage == Stage::kDraining ? "the broker is shutting down" : ""});
  return ReportOf(std::move(report.items));
}

HealthItem NodeHealth::LoopItem(const Shard& shard) const {
  const auto silent = clock_.SteadyNow() - shard.last_tick();
  return {fmt::format("loop-{}", shard.number()), silent < options_.stall_limit,
          fmt::format("last tick {} ms ago", silent.count() / 1000)};
}

HealthItem NodeHealth::DiskItem(const Shard& shard) const {
  const Microseconds since = shard.disk_busy_since();
  const Microseconds busy = since.count() == 0 ? Microseconds(0) : clock_.SteadyNow() - since;
  return {fmt::format("disk-{}", shard.number()), busy < options_.stall_limit,
          busy.count() == 0 ? "idle" : fmt::format("busy for {} ms", busy.count() / 1000)};
}

// Named, but no reason to take the node out of service: the other partitions go on.
HealthItem NodeHealth::StateItem() const {
  std::uint64_t diverged = 0;
  for (const Shard* shard : shards_) diverged += shard->diverged_partitions();
  if (diverged == 0) return {"state", true, "as the logs say"};
  return {"state", true,
          fmt::format("STATE_DIVERGED: {} replicas have stopped, the log names them", diverged)};
}

void NodeHealth::RegisterDisk(MetricsRegistry& metrics) {
  const auto gauge = [](std::string name, std::string help) {
    return MetricFamilyOptions{
        .name = std::move(name), .help = std::move(help), .kind = MetricKind::kGauge};
  };
  registrations_.push_back(metrics.Add(
      gauge("raftmq_storage_disk_alert",
            "0 enough space, 1 below storage.disk_low, 2 below storage.disk_critical, or writes "
            "were rejected in the last minute."),
      {}, [this] { return DiskAlert(); }));
  registrations_.push_back(metrics.Add(
      gauge("raftmq_storage_unsafe_no_sync", "1 if nothing is synced: a power cut may take acks."),
      {}, [this] { return options_.storage.unsafe_no_sync ? 1.0 : 0.0; }));
}

double NodeHealth::DiskAlert() const {
  const Microseconds now = clock_.SteadyNow();
  const std::lock_guard lock(mutex_);
  std::uint64_t refused = 0;
  for (const Shard* shard : shards_) refused += shard->refused_disk_full();
  if (refused != refused_seen_) refused_at_ = now;
  refused_seen_ = refused;
  if (refused_at_.count() >= 0 && now - refused_at_ < kRefusedFresh) return 2;
  return static_cast<double>(space_.level());
}

}  // namespace raftmq::broker
