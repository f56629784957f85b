// What one shard counts. Written by its loop (and disk thread where said), read by scrapes.
#pragma once

#include <array>
#include <vector>

#include "broker/api.h"
#include "broker/peers/peer_metrics.h"
#include "metrics/registry.h"
#include "protocol/types/counter.h"
#include "protocol/types/histogram.h"
#include "raftlog/disk_metrics.h"
#include "raftlog/group_metrics.h"
#include "raftmq/error.h"

namespace raftmq::broker {

// Must outlive its registrations' last scrape: destroy it after the HTTP endpoint or let the
// registrations go first (they do, being members).
class ShardMetrics {
 public:
  explicit ShardMetrics(MetricsRegistry& registry);

  void RecordRequest(Api api, std::uint64_t microseconds);
  void RecordError(Api api, ErrorCode code);

  DiskMetrics disk;  // Written by the disk thread.
  GroupMetrics groups;
  PeerMetrics peers;
  Counter connections;
  Counter segments;
  Counter lost_partitions;
  Counter leaderless_partitions;  // Replicas here that know no leader.
  Counter follower_lag_max;       // Entries, of all partitions led here.
  Counter bytes_in;
  Counter bytes_out;
  Histogram loop_lag_us;
  Histogram reply_us;  // Of turns that answered a produce request: from their begin to the kernel.

 private:
  struct ApiMetrics {
    Histogram duration_us;
    Counter retriable_errors;
    Counter final_errors;
  };
  void RegisterApis(MetricsRegistry& registry);
  void RegisterProduceStages(MetricsRegistry& registry);
  void RegisterTotals(MetricsRegistry& registry);
  void RegisterGroups(MetricsRegistry& registry);
  void RegisterSessions(MetricsRegistry& registry);
  void RegisterPeers(MetricsRegistry& registry);
  void RegisterDisk(MetricsRegistry& registry);

  std::array<ApiMetrics, kApiCount> apis_;
  std::vector<MetricRegistration> registrations_;  // Last: leaves the registry first.
};

// One topic's counters on one shard.
class TopicMetrics {
 public:
  TopicMetrics(MetricsRegistry& registry, const std::string& topic);

  Counter messages_in, messages_out;
  Counter bytes_in, bytes_out;
  Counter size_bytes;

 private:
  std::vector<MetricRegistration> registrations_;
};

}  // namespace raftmq::broker
