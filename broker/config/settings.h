// Every setting of a node with its default. Plain values: reading them from file, environment and
// command line is config_loader.h, their names, ranges and help are setting_table.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/net/address.h"
#include "protocol/types/clock.h"
#include "protocol/types/ids.h"

namespace raftmq {

struct PeerSetting {
  NodeId id;
  Address address;  // Of its peer listener.
  bool operator==(const PeerSetting&) const = default;
};

struct NodeSettings {
  NodeId id;                       // 0 = not set, which only --dev fills in.
  std::string cluster_id;          // Empty = not set, as above.
  std::string data_dir;            // Empty = not set, as above.
  bool bootstrap = false;          // Found a cluster if the directory is empty.
  std::vector<PeerSetting> peers;  // All founding nodes, this one included; empty = this one alone.
  std::uint32_t shards = 0;        // 0 = one per core.
  bool dev = false;                // A single node for trying things out: see config_loader.cc.
  bool operator==(const NodeSettings&) const = default;
};

struct ListenerSettings {
  Address listen{"127.0.0.1", 7440};
  Address peer_listen{"127.0.0.1", 7441};
  Address http{"127.0.0.1", 7442};
  Address advertise;       // What clients are told; no host = the bound address.
  Address peer_advertise;  // What peers are told; no host = the bound address.
  bool insecure = false;   // Allow listening beyond loopback without TLS and authentication.
  bool operator==(const ListenerSettings&) const = default;
};

struct StorageSettings {
  std::uint64_t segment_bytes = 128u << 20;        // Default of the topic setting segment.bytes.
  Milliseconds retention{7LL * 24 * 3600 * 1000};  // Default of retention.ms; 0 = for ever.
  std::uint64_t retention_bytes = 0;               // Default of retention.bytes; 0 = unlimited.
  std::uint64_t tail_cache_bytes = 32u << 20;      // Per shard.
  std::uint64_t disk_low_bytes = 1u << 30;         // Free; below, messages are refused. 0 = never.
  std::uint64_t disk_critical_bytes = 256u << 20;  // Free; below, no new segment. 0 = to the last.
  bool fresh_page_per_job = false;                 // For disks without powersafe overwrite.
  Milliseconds scrub_period{7LL * 24 * 3600 * 1000};  // 0 = never by itself.
  std::uint64_t scrub_rate = 16u << 20;               // Bytes per second, of the whole node.
  std::uint64_t scrub_started_rate = 64u << 20;       // The same when started by hand.
  bool allow_tmpfs = false;
  bool unsafe_no_sync = false;  // Acked data may be lost by a crash of the machine.
  bool operator==(const StorageSettings&) const = default;
};

struct LimitSettings {
  std::uint64_t frame_bytes = 8u << 20;
  std::uint64_t frame_before_hello_bytes = 8u << 10;
  std::uint32_t connections = 1'000;
  std::uint32_t connections_per_address = 100;  // Loopback is not counted.
  std::uint32_t in_flight_requests = 64;        // Per connection, as the next.
  std::uint64_t in_flight_bytes = 16u << 20;
  std::uint64_t memory_bytes = 1u << 30;  // Of the whole node.
  std::uint32_t topics = 10'000;
  std::uint32_t partitions_per_topic = 1'024;
  Milliseconds hello_deadline{5'000};
  Milliseconds idle{600'000};
  Milliseconds stall{30'000};
  std::uint64_t body_bytes_per_second = 1'024;  // Slower frames are cut, after the grace.
  Milliseconds body_grace{10'000};
  bool operator==(const LimitSettings&) const = default;
};

struct ShutdownSettings {
  Milliseconds timeout{30'000};  // Of the drain after SIGTERM.
  bool operator==(const ShutdownSettings&) const = default;
};

struct MetricsSettings {
  std::uint32_t max_series = 2'000;
  std::uint32_t max_detailed_series = 50'000;
  bool operator==(const MetricsSettings&) const = default;
};

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError };
enum class LogFormat { kAuto, kText, kJson };  // Auto: text on a terminal, JSON lines otherwise.

struct LogSettings {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kAuto;
  std::string file;  // Empty = stderr.
  bool operator==(const LogSettings&) const = default;
};

// Value type; what config_loader.h returned without problems obeys every range and cross-check.
struct BrokerSettings {
  NodeSettings node;
  ListenerSettings listeners;
  StorageSettings storage;
  LimitSettings limits;
  ShutdownSettings shutdown;
  MetricsSettings metrics;
  LogSettings log;
  bool operator==(const BrokerSettings&) const = default;
};

}  // namespace raftmq
