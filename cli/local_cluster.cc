#include "cli/local_cluster.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

namespace raftmq::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::chrono::seconds kStartTimeout{30};

// Below Linux' range of ephemeral ports, so that no outgoing connection takes a broker's port while
// the broker is down.
constexpr std::uint16_t kPortFirst = 20'000;
constexpr std::uint16_t kPortLast = 32'000;

bool IsFree(std::uint16_t port) {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const int reuse = 1;
  setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool bound = bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return bound;
}

// The next free port after `*port`, which it advances.
Result<std::string> NextFreeAddress(std::uint16_t* port) {
  for (int tries = 0; tries < kPortLast - kPortFirst; ++tries) {
    *port = *port + 1 < kPortLast ? static_cast<std::uint16_t>(*port + 1) : kPortFirst;
    if (IsFree(*port)) return fmt::format("127.0.0.1:{}", *port);
  }
  return Fail(ErrorCode::kLimitExceeded,
              fmt::format("no free loopback port between {} and {}", kPortFirst, kPortLast));
}

// The raftmqd beside this very program, else the one on PATH.
std::string BrokerProgram() {
  std::error_code ignored;
  const auto beside = fs::read_symlink("/proc/self/exe", ignored).parent_path() / "raftmqd";
  return fs::exists(beside, ignored) ? beside.string() : "raftmqd";
}

}  // namespace

Result<LocalCluster> LocalCluster::Load(const std::string& directory) {
  const std::string path = directory + "/cluster.json";
  std::ifstream file(path);
  if (!file)
    return Fail(ErrorCode::kNotFound,
                fmt::format("no local cluster in '{}': start one with raftmq local up", directory));
  const json description = json::parse(file, nullptr, false);
  try {
    LocalCluster cluster;
    cluster.directory_ = directory;
    cluster.cluster_id_ = description.at("cluster_id").get<std::string>();
    for (const auto& node : description.at("nodes")) {
      cluster.nodes_.push_back({node.at("node"), node.at("pid"), node.at("client"), node.at("peer"),
                                node.at("http"), node.at("data")});
    }
    return cluster;
  } catch (const json::exception& error) {
    return Fail(
        ErrorCode::kBadConfig,
        fmt::format("'{}' is not a description of a local cluster: {}", path, error.what()));
  }
}

Result<LocalCluster> LocalCluster::Create(const std::string& directory, std::uint32_t nodes) {
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed)
    return Fail(ErrorCode::kIoError,
                fmt::format("cannot make '{}': {}", directory, failed.message()));
  std::random_device random;
  LocalCluster cluster;
  cluster.directory_ = directory;
  cluster.cluster_id_ = fmt::format("local-{:08x}", random());
  auto port = static_cast<std::uint16_t>(kPortFirst + random() % (kPortLast - kPortFirst));
  for (std::uint32_t number = 1; number <= nodes; ++number) {
    LocalNode node;
    node.node = number;
    for (std::string* address : {&node.client, &node.peer, &node.http}) {
      RAFTMQ_TRY_ASSIGN(*address, NextFreeAddress(&port));
    }
    node.data = fs::absolute(directory).lexically_normal() / fmt::format("node-{}", number);
    cluster.nodes_.push_back(std::move(node));
  }
  RAFTMQ_TRY(cluster.Save());
  return cluster;
}

Status LocalCluster::Save() const {
  json nodes = json::array();
  for (const auto& node : nodes_) {
    nodes.push_back({{"node", node.node},
                     {"pid", node.pid},
                     {"client", node.client},
                     {"peer", node.peer},
                     {"http", node.http},
                     {"data", node.data}});
  }
  const std::string path = directory_ + "/cluster.json";
  const std::string fresh = path + ".new";
  std::ofstream file(fresh);
  file << json{{"cluster_id", cluster_id_}, {"nodes", std::move(nodes)}}.dump(2) << "\n";
  file.close();
  std::error_code failed;
  if (file) fs::rename(fresh, path, failed);
  if (!file || failed) return Fail(ErrorCode::kIoError, fmt::format("cannot write '{}'", path));
  return Ok();
}

Result<LocalNode*> LocalCluster::Find(std::uint32_t number) {
  for (auto& node : nodes_) {
    if (node.node == number) return &node;
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("expected a node from 1 to {}, found {}", nodes_.size(), number));
}

std::vector<std::string> LocalCluster::ClientAddresses() const {
  std::vector<std::string> addresses;
  for (const auto& node : nodes_) addresses.push_back(node.client);
  return addresses;
}

ProcessState LocalCluster::StateOfNode(const LocalNode& node) const {
  return StateOf(node.pid, node.data);
}

Status LocalCluster::Start(LocalNode& node, int* exit_code) {
  *exit_code = 0;
  std::vector<std::string> peers;
  for (const auto& other : nodes_) peers.push_back(fmt::format("{}@{}", other.node, other.peer));
  const std::vector<std::string> command{
      BrokerProgram(), "--node-id", std::to_string(node.node),
      "--cluster-id",  cluster_id_, "--data-dir",
      node.data,       "--listen",  node.client,
      "--peer-listen", node.peer,   "--http",
      node.http,       "--peers",   fmt::format("{}", fmt::join(peers, ",")),
      "--bootstrap"};
  const std::string log = fmt::format("{}/node-{}.log", directory_, node.node);
  RAFTMQ_TRY_ASSIGN(const Started started, StartInBackground(command, log, kStartTimeout));
  if (started.first_line.empty()) {
    *exit_code = started.exit_code;
    return Fail(ErrorCode::kUnreachable, fmt::format("broker {} ended with exit code {}; see {}",
                                                     node.node, started.exit_code, log));
  }
  node.pid = started.pid;
  return Save();
}

}  // namespace raftmq::cli
