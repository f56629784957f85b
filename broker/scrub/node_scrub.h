// What the scrubbers of all shards of a node share: limits, the common rate, orders given by hand,
// what each of them has come to, and the file that remembers it.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/scrub/damage_watch.h"
#include "broker/scrub/scrub_pace.h"
#include "broker/scrub/scrub_passes.h"
#include "metrics/registry.h"
#include "protocol/types/clock.h"
#include "segment/file_system.h"

namespace raftmq::broker {

// What one shard's scrubber tells.
struct ShardScrub {
  ScrubPass pass;
  std::uint64_t order = 0;  // The last order by hand that it has carried out whole.
  std::uint64_t bytes_left = 0;
  std::uint64_t passes = 0;       // Ended since the start of the process, as all below.
  std::uint64_t bytes_total = 0;  // Read and checked.
  std::uint64_t found = 0;
  std::uint64_t repaired = 0;
  std::vector<KnownDamage> open;
};

// The same of a whole node.
struct NodeScrubStatus {
  bool is_running = false;
  bool by_hand = false;
  std::int64_t began_ms = 0;     // Of the running pass, else of the last one; 0 = never.
  std::int64_t ended_ms = 0;     // When the last one had read everything; 0 = never.
  std::uint64_t bytes_read = 0;  // Of the running pass, else of the last one.
  std::uint64_t bytes_all = 0;   // What the pass reads in all, as far as is known.
  std::uint64_t passes = 0;
  std::uint64_t bytes_total = 0;
  std::uint64_t found = 0;
  std::uint64_t repaired = 0;
  std::vector<KnownDamage> open;
};

// Thread-safe.
class NodeScrub {
 public:
  struct Options {
    std::string directory;
    std::uint32_t shards = 1;
    ScrubLimits limits;
  };
  // Reads the file; blocks. `files` and `metrics` outlive it.
  NodeScrub(FileSystem& files, const Options& options, MetricsRegistry& metrics);

  // Why the file could not be read and the passes begin anew; for the log.
  const std::optional<Error>& load_error() const { return load_error_; }

  ScrubLimits limits() const;
  void SetLimits(const ScrubLimits& limits);
  ScrubGate& gate() { return gate_; }

  // Orders a pass over everything, to begin now. Returns the order's number.
  std::uint64_t Order() { return orders_.fetch_add(1) + 1; }
  std::uint64_t orders() const { return orders_.load(); }

  // What the shard's scrubber goes on from, at the start.
  ScrubPass PassOf(std::uint32_t shard) const;
  void Publish(std::uint32_t shard, ShardScrub scrub);
  NodeScrubStatus Status() const;

  // True once a minute while a pass runs, and soon after one has begun or ended.
  bool IsSaveDue(Microseconds now) const;
  // Blocks; one call at a time.
  raftmq::Status Save(Microseconds now);
  // The same at the end, if there is news; a failure costs a minute of reading.
  void SaveLast(Microseconds now);

 private:
  void Register(MetricsRegistry& metrics);

  FileSystem& files_;
  const Options options_;
  std::optional<Error> load_error_;
  ScrubGate gate_;
  std::atomic<std::uint64_t> orders_{0};
  mutable std::mutex mutex_;  // Guards all below.
  ScrubLimits limits_;
  std::vector<ShardScrub> shards_;
  std::vector<ScrubPass> saved_;
  Microseconds saved_at_{0};
  std::vector<MetricRegistration> registrations_;  // Last: leaves the registry first.
};

}  // namespace raftmq::broker
