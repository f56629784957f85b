// Some raftmqd of one cluster, three if nothing else is said, started, stopped, killed and paused
// by a test.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/net/address.h"
#include "protocol/types/ids.h"
#include "protocol/wire/messages.h"
#include "tests/broker/broker_process.h"
#include "tests/broker/small_disk.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {

class AckKiller;
class PeerNetwork;

// Looks again and again, a moment apart, whether something holds; false when the time is over. Only
// for what brokers tell when they are asked (who leads, how far a copy is): nothing says that it
// has changed. Acks, ends of processes and the T state are waited for.
bool Becomes(const std::function<bool()>& holds, std::chrono::milliseconds patience = kPatience);

// Used by one thread. What cannot be had in time ends the test by an exception that says what.
class ClusterProcess {
 public:
  static constexpr std::size_t kNodes = 3;

  struct Options {
    // What stands between processes, if anything does; it outlives the cluster.
    PeerNetwork* network = nullptr;   // Through which brokers reach each other.
    AckKiller* ack_killer = nullptr;  // Through which clients reach brokers.
    std::size_t nodes = kNodes;       // At most 7.
    // Where each node keeps its data, which is not there yet; empty: in a temporary directory.
    std::function<std::string(NodeId)> data_directory = {};
    std::map<std::string, std::string> environment = {};  // Of each broker.
    std::uint64_t disk_bytes = 0;  // If any, each has a small disk of its own of that size.
    std::string fail_sync = {};    // Preloaded, if named: fail_sync.c, see FailsWhen.
  };

  // New brokers that answer; they need not have joined or elected anybody yet.
  ClusterProcess() : ClusterProcess(Options{}) {}
  explicit ClusterProcess(const Options& options);
  ~ClusterProcess();
  ClusterProcess(const ClusterProcess&) = delete;
  ClusterProcess& operator=(const ClusterProcess&) = delete;

  // The nodes of a cluster of that many, in order; of this one.
  static std::span<const NodeId> nodes(std::size_t count = kNodes);
  std::span<const NodeId> all() const { return nodes(nodes_.size()); }
  // Those that run and are not paused.
  std::vector<NodeId> Running() const;
  std::vector<NodeId> Others(NodeId than) const;  // Of those that run.
  // Those that have ended though nobody stopped them; from now on they are down.
  std::vector<NodeId> TakeEnded();

  void Start(NodeId node);  // On the data and ports that it had.
  struct Ended {
    int exit_code = 0;
    std::string log;
  };
  // Starts one that is expected to end by itself, and waits for that.
  Ended StartAndWaitForEnd(NodeId node);
  void StartAll();         // Those that are down, at once: none waits for another.
  void Stop(NodeId node);  // By SIGTERM; it must drain in time.
  void Kill(NodeId node);  // -9.
  void KillAll();          // Those that run or are paused, at once.
  // Waits until it ends by itself; its exit code.
  int WaitForEnd(NodeId node);
  void Pause(NodeId node);     // SIGSTOP; all of its threads stand when this returns.
  void Continue(NodeId node);  // SIGCONT.

  // The same in all of its lives. The broker's own, whoever stands before it.
  const Address& client(NodeId node) const { return At(node).client; }
  const Address& peer(NodeId node) const { return At(node).peer; }
  std::string data_directory(NodeId node) const;
  // REQUIRES: options.disk_bytes.
  SmallDisk& disk(NodeId node) { return *At(node).disk; }
  // While a file of that name exists, its syncs fail, or hang.
  std::string FailsWhen(NodeId node) const { return data_directory(node) + "-fails"; }
  std::string StallsWhen(NodeId node) const { return data_directory(node) + "-stalls"; }
  const std::string& cluster_id() const { return cluster_id_; }
  // REQUIRES: it runs.
  const BrokerProcess& process(NodeId node) const { return *At(node).process; }
  std::vector<std::string> brokers() const;  // For ClientConfig.

  // What one node says of a topic; nullopt if it does not know it.
  std::optional<wire::TopicInfo> Ask(NodeId node, const std::string& topic) const;
  // Up to where this node's copy is synced.
  Offset DurableEnd(NodeId node, const std::string& topic, std::uint32_t partition = 0) const;
  // The leader that every running node names, if they agree on one that runs.
  std::optional<NodeId> FindLeader(const std::string& topic, std::uint32_t partition = 0) const;
  NodeId WaitForLeader(const std::string& topic, std::uint32_t partition = 0) const;
  // Which term the leader that all agree on has.
  Term WaitForTerm(const std::string& topic, std::uint32_t partition = 0) const;

  // What the brokers have written to stderr.
  std::string Logs() const;

 private:
  struct Node {
    NodeId id;
    Address client, peer;
    std::unique_ptr<SmallDisk> disk;
    std::unique_ptr<BrokerProcess> process;
    bool is_paused = false;
    std::string earlier_logs;
  };

  const Node& At(NodeId node) const { return nodes_.at(node.value() - 1); }
  Node& At(NodeId node) { return nodes_.at(node.value() - 1); }
  bool Found();
  bool TryStart(Node& node);
  void Launch(Node& node);
  bool HasStarted(Node& node);  // False if somebody has taken one of its ports.
  bool TryStartAll();
  void Bury(Node& node);

  std::string PeersOf(NodeId node) const;

  const Options options_;
  const TemporaryDirectory data_;
  std::string cluster_id_;
  std::vector<Node> nodes_;
};

}  // namespace raftmq::testing
