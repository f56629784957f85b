#include "tests/broker/cluster_process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <stdexcept>
#include <thread>

#include "protocol/types/check.h"
#include "tests/broker/ack_killer.h"
#include "tests/broker/broker_steps.h"
#include "tests/broker/peer_network.h"

namespace raftmq::testing {
namespace {

// Below Linux' range of ephemeral ports, so that no outgoing connection takes a broker's port while
// the broker is down.
constexpr std::uint16_t kPortFirst = 20'000;
constexpr std::uint16_t kPortLast = 32'000;
constexpr int kStartAttempts = 5;
constexpr std::chrono::milliseconds kBetweenLooks{10};  // Looking costs the brokers work, too.

bool IsFree(std::uint16_t port) {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
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
Address NextFreeAddress(std::uint16_t* port) {
  for (int tries = 0; tries < kPortLast - kPortFirst; ++tries) {
    *port = *port + 1 < kPortLast ? static_cast<std::uint16_t>(*port + 1) : kPortFirst;
    if (IsFree(*port)) return {"127.0.0.1", *port};
  }
  throw std::runtime_error("no free loopback port");
}

}  // namespace

bool Becomes(const std::function<bool()>& holds, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return true;
}

ClusterProcess::ClusterProcess(const Options& options) : options_(options), nodes_(options.nodes) {
  for (int attempt = 0; attempt < kStartAttempts; ++attempt) {
    if (Found()) return;
  }
  throw std::runtime_error("the cluster does not start:\n" + Logs());
}

// Nothing that runs may be left on a disk that goes.
ClusterProcess::~ClusterProcess() {
  for (Node& node : nodes_) node.process.reset();
}

// Somebody may have taken a port between the look and the start: then all begins anew.
bool ClusterProcess::Found() {
  std::random_device random;
  cluster_id_ = "test-" + std::to_string(random());
  auto port = static_cast<std::uint16_t>(kPortFirst + random() % (kPortLast - kPortFirst));
  for (const NodeId id : all()) {
    Node& node = At(id);
    node.id = id;
    node.process.reset();
    node.client = NextFreeAddress(&port);
    node.peer = NextFreeAddress(&port);
    if (options_.network != nullptr) options_.network->SetAddress(id, node.peer);
    if (options_.ack_killer != nullptr) options_.ack_killer->SetAddress(id, node.client);
    node.disk.reset();
    std::filesystem::remove_all(data_directory(id));
    if (options_.disk_bytes > 0)
      node.disk = std::make_unique<SmallDisk>(data_directory(id), options_.disk_bytes);
  }
  return TryStartAll();
}

bool ClusterProcess::TryStartAll() {
  std::vector<Node*> started;
  for (Node& node : nodes_) {
    if (node.process != nullptr) continue;
    Launch(node);
    started.push_back(&node);
  }
  // Each is waited for, whatever became of the others.
  return std::ranges::count_if(started, [this](Node* node) { return !HasStarted(*node); }) == 0;
}

bool ClusterProcess::TryStart(Node& node) {
  Launch(node);
  return HasStarted(node);
}

void ClusterProcess::Launch(Node& node) {
  std::vector<std::string> sets;
  if (options_.ack_killer != nullptr)
    sets.push_back("listeners.advertise=" + options_.ack_killer->Door(node.id).ToString());
  std::map<std::string, std::string> environment = options_.environment;
  if (!options_.fail_sync.empty()) {
    environment["LD_PRELOAD"] = options_.fail_sync;
    environment["FAIL_SYNC_WHEN"] = FailsWhen(node.id);
    environment["STALL_SYNC_WHEN"] = StallsWhen(node.id);
  }
  node.process = std::make_unique<BrokerProcess>(
      BrokerProcess::Options{.data_directory = data_directory(node.id),
                             .sets = sets,
                             .environment = environment,
                             .node_id = node.id.ToString(),
                             .cluster_id = cluster_id_,
                             .listen = node.client,
                             .peer_listen = node.peer,
                             .arguments = {"--peers", PeersOf(node.id)},
                             .waits_until_ready = false});
  node.is_paused = false;
}

bool ClusterProcess::HasStarted(Node& node) {
  node.process->WaitUntilReady();
  if (node.process->IsReady()) return true;
  const auto exit_code = node.process->WaitForExit(kPatience);
  const std::string log = node.process->Stderr();
  Bury(node);
  if (log.find("EADDRINUSE") != std::string::npos) return false;  // Somebody was faster.
  throw std::runtime_error("node " + node.id.ToString() + " ended at its start with code " +
                           std::to_string(exit_code.value_or(-1)) + ":\n" + log);
}

std::string ClusterProcess::PeersOf(NodeId node) const {
  std::string peers;
  for (const Node& each : nodes_) {
    const bool is_direct = options_.network == nullptr || each.id == node;
    const Address address = is_direct ? each.peer : options_.network->Door(node, each.id);
    peers += (peers.empty() ? "" : ",") + each.id.ToString() + "@" + address.ToString();
  }
  return peers;
}

void ClusterProcess::Bury(Node& node) {
  node.earlier_logs += node.process->Stderr();
  node.process.reset();
}

std::span<const NodeId> ClusterProcess::nodes(std::size_t count) {
  static constexpr std::array kAll{NodeId(1), NodeId(2), NodeId(3), NodeId(4),
                                   NodeId(5), NodeId(6), NodeId(7)};
  return std::span(kAll).first(count);
}

std::vector<NodeId> ClusterProcess::Running() const {
  std::vector<NodeId> running;
  for (const Node& node : nodes_) {
    if (node.process != nullptr && !node.is_paused) running.push_back(node.id);
  }
  return running;
}

std::vector<NodeId> ClusterProcess::Others(NodeId than) const {
  std::vector<NodeId> others = Running();
  std::erase(others, than);
  return others;
}

std::vector<NodeId> ClusterProcess::TakeEnded() {
  std::vector<NodeId> ended;
  for (Node& node : nodes_) {
    if (node.process == nullptr || !node.process->WaitForExit(std::chrono::milliseconds(0)))
      continue;
    ended.push_back(node.id);
    Bury(node);
  }
  return ended;
}

void ClusterProcess::Start(NodeId node) {
  if (!Becomes([&] { return TryStart(At(node)); })) {
    throw std::runtime_error("node " + node.ToString() + " does not start:\n" + Logs());
  }
}

ClusterProcess::Ended ClusterProcess::StartAndWaitForEnd(NodeId id) {
  Node& node = At(id);
  Launch(node);
  const auto exit_code = node.process->WaitForExit(kPatience);
  Ended ended{exit_code.value_or(-1), node.process->Stderr()};
  Bury(node);
  return ended;
}

void ClusterProcess::StartAll() {
  if (!Becomes([this] { return TryStartAll(); }))
    throw std::runtime_error("nodes do not start:\n" + Logs());
}

void ClusterProcess::Stop(NodeId node) {
  At(node).process->Signal(SIGTERM);
  const auto exit_code = At(node).process->WaitForExit(kPatience);
  if (exit_code != 0) {
    throw std::runtime_error("node " + node.ToString() + " does not drain (exit code " +
                             std::to_string(exit_code.value_or(-1)) + "):\n" + Logs());
  }
  Bury(At(node));
}

void ClusterProcess::Kill(NodeId node) {
  At(node).process->Signal(SIGKILL);
  At(node).process->WaitForExit(kPatience);
  Bury(At(node));
}

void ClusterProcess::KillAll() {
  for (const Node& node : nodes_) {
    if (node.process != nullptr) node.process->Signal(SIGKILL);
  }
  for (Node& node : nodes_) {
    if (node.process == nullptr) continue;
    node.process->WaitForExit(kPatience);
    Bury(node);
  }
}

int ClusterProcess::WaitForEnd(NodeId node) {
  const std::optional<int> code = At(node).process->WaitForExit(kPatience);
  if (!code) throw std::runtime_error("node " + node.ToString() + " does not end:\n" + Logs());
  Bury(At(node));
  return *code;
}

void ClusterProcess::Pause(NodeId node) {
  At(node).process->Signal(SIGSTOP);
  siginfo_t ignored{};
  RAFTMQ_CHECK(waitid(P_PID, static_cast<id_t>(At(node).process->pid()), &ignored, WSTOPPED) == 0);
  At(node).is_paused = true;
}

void ClusterProcess::Continue(NodeId node) {
  At(node).process->Signal(SIGCONT);
  At(node).is_paused = false;
}

std::string ClusterProcess::data_directory(NodeId node) const {
  if (options_.data_directory) return options_.data_directory(node);
  return data_.path() + "/node-" + node.ToString();
}

std::vector<std::string> ClusterProcess::brokers() const {
  std::vector<std::string> addresses;
  for (const Node& node : nodes_) {
    const bool is_direct = options_.ack_killer == nullptr;
    addresses.push_back((is_direct ? node.client : options_.ack_killer->Door(node.id)).ToString());
  }
  return addresses;
}

std::optional<wire::TopicInfo> ClusterProcess::Ask(NodeId node, const std::string& topic) const {
  WireClient client(At(node).client);
  client.Hello();
  wire::TopicInfo info = Describe(client, topic);
  if (info.error.code != ErrorCode::kOk) return std::nullopt;
  return info;
}

Offset ClusterProcess::DurableEnd(NodeId node, const std::string& topic,
                                  std::uint32_t partition) const {
  const auto info = Ask(node, topic);
  if (!info) return {};
  for (const wire::ReplicaInfo& replica : info->partitions.at(partition).replicas) {
    if (replica.node == node) return replica.durable;
  }
  return {};
}

std::optional<NodeId> ClusterProcess::FindLeader(const std::string& topic,
                                                 std::uint32_t partition) const {
  std::vector<NodeId> named;
  for (const NodeId node : Running()) {
    const auto info = Ask(node, topic);
    if (!info) return std::nullopt;
    named.push_back(info->partitions.at(partition).leader);
  }
  const bool agree = std::ranges::adjacent_find(named, std::not_equal_to()) == named.end();
  if (!agree || std::ranges::count(Running(), named.front()) == 0) return std::nullopt;
  return named.front();
}

NodeId ClusterProcess::WaitForLeader(const std::string& topic, std::uint32_t partition) const {
  std::optional<NodeId> leader;
  if (Becomes([&] { return (leader = FindLeader(topic, partition)).has_value(); })) return *leader;
  throw std::runtime_error("no leader that all nodes name:\n" + Logs());
}

Term ClusterProcess::WaitForTerm(const std::string& topic, std::uint32_t partition) const {
  const NodeId leader = WaitForLeader(topic, partition);
  return Ask(leader, topic)->partitions.at(partition).term;
}

std::string ClusterProcess::Logs() const {
  std::string logs;
  for (const Node& node : nodes_) {
    logs += "--- node " + node.id.ToString() + "\n" + node.earlier_logs;
    if (node.process != nullptr) logs += node.process->Stderr();
  }
  return logs;
}

}  // namespace raftmq::testing
