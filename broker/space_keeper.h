// Looks at the free space of the data directory's file system, from a thread of its own, and tells
// the node's logs and groups (segment/disk_space.h), its operator and its metrics.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "broker/disk_watermarks.h"
#include "broker/log.h"
#include "metrics/health.h"
#include "metrics/registry.h"
#include "protocol/types/ids.h"
#include "segment/disk_space.h"
#include "segment/file_system.h"

namespace raftmq::broker {

// Thread-safe.
class SpaceKeeper {
 public:
  // All outlive the keeper.
  struct Environment {
    FileSystem& files;
    Log& log;
    MetricsRegistry& metrics;
  };
  struct Options {
    NodeId node;
    std::string path;  // On the file system that is watched.
    DiskWatermarks wanted;
  };

  // Has looked once when it returns.
  SpaceKeeper(const Options& options, const Environment& environment);
  ~SpaceKeeper();
  SpaceKeeper(const SpaceKeeper&) = delete;
  SpaceKeeper& operator=(const SpaceKeeper&) = delete;

  // Lives as long as the keeper.
  const DiskSpace& space() const { return space_; }
  DiskLevel level() const { return level_; }
  // Takes effect with the next look, at once.
  void SetWatermarks(const DiskWatermarks& wanted);
  // Never a reason to take the node out of service: it serves readers, and what frees space.
  HealthItem Health() const;

 private:
  void Run();
  void Look();
  void Tell(DiskLevel level, std::uint64_t free_bytes) const;
  void Register();
  std::uint64_t TotalBytes() const;

  const NodeId node_;
  const std::string path_;
  const Environment environment_;
  DiskSpace space_;
  std::atomic<DiskLevel> level_{DiskLevel::kEnough};
  std::atomic<std::uint64_t> low_bytes_{0};  // In effect, as the next.
  std::atomic<std::uint64_t> critical_bytes_{0};
  std::mutex mutex_;  // Guards the two below.
  DiskWatermarks wanted_;
  bool is_stopping_ = false;
  std::condition_variable changed_;
  std::vector<MetricRegistration> registrations_;
  std::thread thread_;
};

}  // namespace raftmq::broker
