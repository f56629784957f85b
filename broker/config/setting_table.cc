#include "broker/config/setting_table.h"

#include <algorithm>
#include <limits>

#include "broker/config/setting_rows.h"
#include "protocol/types/check.h"

namespace raftmq {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""h;
using setting_rows::Boolean;
using setting_rows::Choice;
using setting_rows::Duration;
using setting_rows::Integer;
using setting_rows::ListenAddress;
using setting_rows::Place;
using setting_rows::Row;
using setting_rows::Size;
using setting_rows::Text;

using B = BrokerSettings;
constexpr std::uint64_t kKiB = 1'024;
constexpr std::uint64_t kMiB = kKiB * kKiB;
constexpr std::uint64_t kGiB = kMiB * kKiB;
constexpr std::uint64_t kTiB = kGiB * kKiB;
constexpr std::uint32_t kMaxU32 = std::numeric_limits<std::uint32_t>::max();

Setting NodeIdRow() {
  return Row(
      {"node.id", "This node's number, unique in the cluster and kept for ever.", "--node-id"},
      SettingKind::kInteger, "1 to 4294967295",
      Place<NodeSettings, NodeId>{&B::node, &NodeSettings::id},
      [](std::string_view text) -> Result<NodeId> {
        RAFTMQ_TRY_ASSIGN(const std::uint32_t id, ParseInteger(text, 1, kMaxU32));
        return NodeId(id);
      },
      [](NodeId id) { return id.ToString(); });
}

Setting PeersRow() {
  return Row(
      {"node.peers", "The founding nodes with their peer addresses, this one included.", "--peers"},
      SettingKind::kPeers, "ID@HOST:PORT,...; at most 64",
      Place<NodeSettings, std::vector<PeerSetting>>{&B::node, &NodeSettings::peers}, ParsePeers,
      FormatPeers);
}

std::vector<Setting> NodeRows() {
  using S = NodeSettings;
  return {
      NodeIdRow(),
      Text({"node.cluster_id", "The cluster's name; a data directory of another is refused.",
            "--cluster-id"},
           &B::node, &S::cluster_id, "1 to 200 of A-Z a-z 0-9 . _ -", ParseClusterId),
      Text({"node.data_dir", "Where everything is kept.", "--data-dir"}, &B::node, &S::data_dir,
           "a path", ParseDirectory),
      Boolean({"node.bootstrap", "Found a cluster if the data directory is empty.", "--bootstrap"},
              &B::node, &S::bootstrap),
      PeersRow(),
      Integer({"node.shards", "Event loops; 0 = one per core."}, &B::node, &S::shards, {0, 256}),
      Boolean({"node.dev",
               "One node for trying things out: fills in id, cluster and data "
               "directory, bootstraps, creates topics on first use.",
               "--dev"},
              &B::node, &S::dev)};
}

std::vector<Setting> ListenerRows() {
  using S = ListenerSettings;
  return {
      ListenAddress({"listeners.listen", "For clients.", "--listen"}, &B::listeners, &S::listen,
                    false),
      ListenAddress({"listeners.peer_listen", "For the other nodes.", "--peer-listen"},
                    &B::listeners, &S::peer_listen, false),
      ListenAddress({"listeners.http", "For metrics and health checks.", "--http"}, &B::listeners,
                    &S::http, false),
      ListenAddress({"listeners.advertise",
                     "What clients are told to connect to; empty = the bound address."},
                    &B::listeners, &S::advertise, true),
      ListenAddress({"listeners.peer_advertise",
                     "What peers are told to connect to; empty = the bound address."},
                    &B::listeners, &S::peer_advertise, true),
      Boolean({"listeners.insecure",
               "Allow listening beyond loopback although nothing is encrypted or authenticated.",
               "--insecure"},
              &B::listeners, &S::insecure)};
}

std::vector<Setting> StorageRows() {
  using S = StorageSettings;
  return {
      Size({"storage.segment_bytes", "Greatest size of a segment file; topics may set their own."},
           &B::storage, &S::segment_bytes, {kMiB, 4 * kGiB}),
      Duration({"storage.retention",
                "How long messages are kept, up to twice that while a replica catches up; 0s = for "
                "ever; topics may differ."},
               &B::storage, &S::retention, {0ms, 24h * 365 * 100}),
      Size({"storage.retention_bytes",
            "How much of a partition is kept, up to twice that while a replica catches up; 0B = "
            "unlimited; topics may differ."},
           &B::storage, &S::retention_bytes, {0, 1'024 * kTiB}),
      Size({"storage.tail_cache", "Memory per shard for the newest messages."}, &B::storage,
           &S::tail_cache_bytes, {kMiB, 64 * kGiB}),
      Size({"storage.disk_low",
            "Free disk space below which messages are refused with DISK_FULL; at most a tenth of "
            "the disk counts, 0B = never."},
           &B::storage, &S::disk_low_bytes, {0, kTiB}),
      Size({"storage.disk_critical",
            "Free disk space of which no new segment takes any; at most storage.disk_low and a "
            "fortieth of the disk count, 0B = take all."},
           &B::storage, &S::disk_critical_bytes, {0, kTiB}),
      Boolean({"storage.fresh_page_per_job",
               "Start each write on a fresh 4 KiB page: for disks that may damage old sectors of a "
               "page when power fails."},
              &B::storage, &S::fresh_page_per_job),
      Duration({"storage.scrub_period",
                "Everything stored is read and checked once in this time; 0s = only when asked "
                "to."},
               &B::storage, &S::scrub_period, {0ms, 24h * 365}),
      Size({"storage.scrub_rate", "Bytes per second that the scrubber reads at most."}, &B::storage,
           &S::scrub_rate, {64 * kKiB, kTiB}),
      Size({"storage.scrub_started_rate", "The same of a scrub that was started by hand."},
           &B::storage, &S::scrub_started_rate, {64 * kKiB, kTiB}),
      Boolean({"storage.allow_tmpfs", "Allow a data directory in memory."}, &B::storage,
              &S::allow_tmpfs),
      Boolean(
          {"storage.unsafe_no_sync",
           "Never sync: acked messages may be lost when the machine stops.", "--unsafe-no-sync"},
          &B::storage, &S::unsafe_no_sync)};
}

std::vector<Setting> ConnectionLimitRows() {
  using S = LimitSettings;
  return {
      Integer({"limits.connections", "Open client connections."}, &B::limits, &S::connections,
              {1, 1'000'000}),
      Integer({"limits.connections_per_address",
               "Open client connections of one address; loopback is not counted."},
              &B::limits, &S::connections_per_address, {1, 1'000'000}),
      Integer({"limits.in_flight_requests", "Requests under way on one connection."}, &B::limits,
              &S::in_flight_requests, {1, 65'536}),
      Size({"limits.in_flight_bytes", "Bytes of requests under way on one connection."}, &B::limits,
           &S::in_flight_bytes, {64 * kKiB, kGiB}),
      Duration({"limits.hello_deadline", "Until a new connection has said hello."}, &B::limits,
               &S::hello_deadline, {10ms, 1h}),
      Duration({"limits.stall", "A shard's loop or disk silent for longer fails /livez."},
               &B::limits, &S::stall, {100ms, 1h}),
      Duration({"limits.idle", "Until a silent connection is closed."}, &B::limits, &S::idle,
               {1s, 24h * 7}),
      Size({"limits.body_rate", "Bytes per second below which a frame is cut, after the grace."},
           &B::limits, &S::body_bytes_per_second, {1, kGiB}),
      Duration({"limits.body_grace", "Time a frame may take at any rate."}, &B::limits,
               &S::body_grace, {100ms, 1h})};
}

std::vector<Setting> LimitRows() {
  using S = LimitSettings;
  std::vector<Setting> rows = {
      Size({"limits.frame", "Greatest frame."}, &B::limits, &S::frame_bytes,
           {64 * kKiB, 64 * kMiB}),
      Size({"limits.frame_before_hello", "Greatest frame of a connection without hello."},
           &B::limits, &S::frame_before_hello_bytes, {kKiB, kMiB}),
      Size({"limits.memory", "Memory for requests, answers and caches of the whole node."},
           &B::limits, &S::memory_bytes, {64 * kMiB, 16 * kTiB}),
      Integer({"limits.topics", "Topics of the cluster."}, &B::limits, &S::topics, {1, 1'000'000}),
      Integer({"limits.partitions_per_topic", "Partitions of one topic."}, &B::limits,
              &S::partitions_per_topic, {1, 65'536})};
  std::ranges::move(ConnectionLimitRows(), std::back_inserter(rows));
  return rows;
}

std::vector<Setting> OtherRows() {
  return {
      Duration({"shutdown.timeout", "Longest drain after SIGTERM."}, &B::shutdown,
               &ShutdownSettings::timeout, {0ms, 1h}),
      Integer({"metrics.max_series", "Lines of /metrics; further series are left out and counted."},
              &B::metrics, &MetricsSettings::max_series, {100, 1'000'000}),
      Integer({"metrics.max_detailed_series", "Lines of /metrics/detailed, likewise."}, &B::metrics,
              &MetricsSettings::max_detailed_series, {0, 10'000'000}),
      Choice({"log.level", "Least severe messages that are logged."}, &B::log, &LogSettings::level,
             {"trace", "debug", "info", "warn", "error"}),
      Choice({"log.format", "auto = text on a terminal, JSON lines otherwise."}, &B::log,
             &LogSettings::format, {"auto", "text", "json"}),
      Text({"log.file", "Where the log goes, opened anew on SIGUSR1; empty = stderr."}, &B::log,
           &LogSettings::file, "a path or empty", ParseOptionalPath)};
}

// "storage.segment_bytes" -> "RAFTMQ_STORAGE__SEGMENT_BYTES".
std::string EnvironmentNameOf(std::string_view key) {
  std::string name = "RAFTMQ_";
  for (const char c : key) {
    if (c == '.') {
      name += "__";
    } else {
      name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return name;
}

// See reload.h.
constexpr std::string_view kReloads[] = {"limits.connections",
                                         "limits.connections_per_address",
                                         "limits.memory",
                                         "log.level",
                                         "storage.disk_critical",
                                         "storage.disk_low",
                                         "storage.scrub_period",
                                         "storage.scrub_rate",
                                         "storage.scrub_started_rate"};

std::vector<Setting> AllRows() {
  std::vector<Setting> rows;
  for (auto* part : {NodeRows, ListenerRows, StorageRows, LimitRows, OtherRows}) {
    std::ranges::move(part(), std::back_inserter(rows));
  }
  for (Setting& row : rows) {
    row.environment = EnvironmentNameOf(row.key);
    row.reloads = std::ranges::find(kReloads, row.key) != std::end(kReloads);
  }
  return rows;
}

std::vector<std::string_view> Column(std::string Setting::*field) {
  std::vector<std::string_view> values;
  for (const Setting& setting : SettingTable()) values.push_back(setting.*field);
  return values;
}

}  // namespace

std::string_view KindName(SettingKind kind) {
  switch (kind) {
    case SettingKind::kText:
      return "a string";
    case SettingKind::kBoolean:
      return "true or false";
    case SettingKind::kInteger:
      return "a whole number";
    case SettingKind::kSize:
      return "a size such as \"64MiB\"";
    case SettingKind::kDuration:
      return "a duration such as \"30s\"";
    case SettingKind::kAddress:
      return "an address \"HOST:PORT\"";
    case SettingKind::kChoice:
      return "a name";
    case SettingKind::kPeers:
      return "peers \"ID@HOST:PORT,...\"";
  }
  RAFTMQ_CHECK(false && "a setting kind outside the enumeration");
}

std::string_view Setting::section() const { return std::string_view(key).substr(0, key.find('.')); }

std::string_view Setting::name() const { return std::string_view(key).substr(key.find('.') + 1); }

std::span<const Setting> SettingTable() {
  static const std::vector<Setting> kTable = AllRows();
  return kTable;
}

const Setting* FindSetting(std::string_view key) {
  const auto table = SettingTable();
  const auto found = std::ranges::find(table, key, &Setting::key);
  return found == table.end() ? nullptr : &*found;
}

std::span<const std::string_view> SettingKeys() {
  static const std::vector<std::string_view> kKeys = Column(&Setting::key);
  return kKeys;
}

std::span<const std::string_view> SettingEnvironmentNames() {
  static const std::vector<std::string_view> kNames = Column(&Setting::environment);
  return kNames;
}

}  // namespace raftmq
