#include "broker/config/settings_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "broker/config/setting_table.h"
#include "protocol/types/units.h"

namespace raftmq {
namespace {

bool IsWildcard(const Address& address) {
  return address.host == "0.0.0.0" || address.host == "::";
}

class Checker {
 public:
  explicit Checker(const LoadedConfig& config) : config_(config), settings_(config.settings) {}

  std::vector<ConfigProblem> Run() {
    CheckIdentity();
    CheckListener("listeners.listen", settings_.listeners.listen, &settings_.listeners.advertise);
    CheckListener("listeners.peer_listen", settings_.listeners.peer_listen,
                  &settings_.listeners.peer_advertise);
    CheckListener("listeners.http", settings_.listeners.http, nullptr);
    CheckAdvertised("listeners.advertise", settings_.listeners.advertise);
    CheckAdvertised("listeners.peer_advertise", settings_.listeners.peer_advertise);
    CheckPortsDiffer();
    CheckPeers();
    CheckStorage();
    CheckLimits();
    return std::move(problems_);
  }

 private:
  void CheckIdentity() {
    if (settings_.node.id == NodeId(0)) Missing("node.id");
    if (settings_.node.cluster_id.empty()) Missing("node.cluster_id");
    if (settings_.node.data_dir.empty()) Missing("node.data_dir");
  }

  void Missing(std::string_view key) {
    const std::string mention = std::string(key) + ":";
    const bool refused = std::ranges::any_of(config_.problems, [&](const ConfigProblem& problem) {
      return problem.message.starts_with(mention);
    });
    if (refused) return;
    const Setting& setting = *FindSetting(key);
    problems_.push_back({"", fmt::format("{} is not set: give {}, {}, '{}' under [{}] in the file, "
                                         "or --dev for a trial",
                                         key, setting.flag, setting.environment, setting.name(),
                                         setting.section())});
  }

  void CheckListener(std::string_view key, const Address& address, const Address* advertised) {
    if (!address.IsLoopback() && !settings_.listeners.insecure) {
      Problem(key, fmt::format("{} is reachable from outside and nothing is encrypted or "
                               "authenticated yet; listen on loopback, or give --insecure if the "
                               "network is trusted",
                               address.ToString()));
    }
    if (advertised != nullptr && IsWildcard(address) && advertised->host.empty() &&
        !settings_.node.dev) {
      Problem(key, fmt::format("{} listens on every interface: listeners.{} must say which address "
                               "others shall connect to",
                               address.ToString(),
                               key == "listeners.listen" ? "advertise" : "peer_advertise"));
    }
  }

  void CheckAdvertised(std::string_view key, const Address& address) {
    if (IsWildcard(address)) {
      Problem(key, fmt::format("nobody can connect to {}; expected this machine's address",
                               address.ToString()));
    }
  }

  void CheckPortsDiffer() {
    const std::pair<std::string_view, const Address*> listeners[] = {
        {"listeners.listen", &settings_.listeners.listen},
        {"listeners.peer_listen", &settings_.listeners.peer_listen},
        {"listeners.http", &settings_.listeners.http}};
    for (std::size_t i = 0; i < std::size(listeners); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (listeners[i].second->port == 0 || *listeners[i].second != *listeners[j].second)
          continue;
        Problem(
            listeners[i].first,
            fmt::format("{} is taken by {}", listeners[i].second->ToString(), listeners[j].first));
      }
    }
  }

  void CheckPeers() {
    const auto& peers = settings_.node.peers;
    std::set<NodeId> ids;
    std::set<Address> addresses;
    for (const PeerSetting& peer : peers) {
      if (!ids.insert(peer.id).second) {
        Problem("node.peers", fmt::format("node {} is listed twice", peer.id.value()));
      }
      if (!addresses.insert(peer.address).second) {
        Problem("node.peers", fmt::format("{} is listed twice", peer.address.ToString()));
      }
      if (peer.address.port == 0 || IsWildcard(peer.address)) {
        Problem("node.peers", fmt::format("nobody can connect to {}", peer.address.ToString()));
      }
    }
    if (!peers.empty() && settings_.node.id != NodeId(0) && !ids.contains(settings_.node.id)) {
      Problem("node.peers",
              fmt::format("expected this node, {}, in the list", settings_.node.id.value()));
    }
  }

  void CheckStorage() {
    if (!settings_.storage.fresh_page_per_job || settings_.node.peers.size() < 2) return;
    Problem(
        "storage.fresh_page_per_job",
        "expected false in a cluster: replicas that write in other steps need other room for the "
        "same segment");
  }

  void CheckLimits() {
    const LimitSettings& limits = settings_.limits;
    NotAbove("limits.frame_before_hello", limits.frame_before_hello_bytes, "limits.frame",
             limits.frame_bytes);
    NotAbove("limits.frame", limits.frame_bytes, "limits.in_flight_bytes", limits.in_flight_bytes);
    NotAbove("limits.in_flight_bytes", limits.in_flight_bytes, "limits.memory",
             limits.memory_bytes);
    NotAbove("storage.tail_cache", settings_.storage.tail_cache_bytes, "limits.memory",
             limits.memory_bytes);
  }

  void NotAbove(std::string_view key, std::uint64_t value, std::string_view other,
                std::uint64_t bound) {
    if (value <= bound) return;
    Problem(key, fmt::format("expected at most {}, which is {}, found {}", other,
                             FormatBytes(bound), FormatBytes(value)));
  }

  void Problem(std::string_view key, std::string message) {
    problems_.push_back(
        {config_.origins.find(key)->second.where, fmt::format("{}: {}", key, message)});
  }

  const LoadedConfig& config_;
  const BrokerSettings& settings_;
  std::vector<ConfigProblem> problems_;
};

}  // namespace

std::vector<ConfigProblem> CheckSettings(const LoadedConfig& config) {
  return Checker(config).Run();
}

std::vector<std::string> WarningsOf(const BrokerSettings& settings) {
  std::vector<std::string> warnings;
  if (settings.storage.unsafe_no_sync) {
    warnings.emplace_back(
        "storage.unsafe_no_sync: nothing is synced; acked messages may be lost when the machine "
        "stops");
  }
  for (const Address* address :
       {&settings.listeners.listen, &settings.listeners.peer_listen, &settings.listeners.http}) {
    if (address->IsLoopback()) continue;
    warnings.push_back(fmt::format(
        "listeners.insecure: {} can be reached from outside and nothing is encrypted or "
        "authenticated",
        address->ToString()));
  }
  if (settings.storage.allow_tmpfs) {
    warnings.emplace_back(
        "storage.allow_tmpfs: a data directory in memory is lost with the machine's power");
  }
  return warnings;
}

}  // namespace raftmq
