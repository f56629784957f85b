// The network between the brokers of a test, which can be cut: brokers reach each other through a
// door of this process for each pair and direction.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <thread>
#include <utility>

#include "protocol/net/connection.h"
#include "protocol/net/event_loop.h"
#include "protocol/types/ids.h"

namespace raftmq::testing {

// Thread-safe: everything runs on the network's own loop, and calls wait for it.
class PeerNetwork {
 public:
  explicit PeerNetwork(std::span<const NodeId> nodes);
  ~PeerNetwork();
  PeerNetwork(const PeerNetwork&) = delete;
  PeerNetwork& operator=(const PeerNetwork&) = delete;

  // Where `from` finds `to`.
  Address Door(NodeId from, NodeId to) const { return doors_.at({from, to})->bound(); }
  // Where the doors to this node lead.
  void SetAddress(NodeId node, const Address& address);
  // Nothing passes to or from the node any more, and nobody is told: connections stay open, new
  // ones get no answer. What was under way arrives after Heal, as TCP would send it again.
  void Isolate(NodeId node) { Split({node}); }
  // The same between these nodes and all others, in place of an earlier cut.
  void Split(std::set<NodeId> nodes);
  void Heal() { Split({}); }

 private:
  class Pipe;
  using Way = std::pair<NodeId, NodeId>;

  void OnLoop(const std::function<void()>& task);
  void Accept(const Way& way, int socket);
  bool IsCut(const Way& way) const;
  void Forget(Pipe* pipe);

  EventLoop loop_;
  std::map<Way, std::unique_ptr<Listener>> doors_;
  // All below belongs to the loop.
  std::map<NodeId, Address> addresses_;
  std::set<NodeId> side_;  // Cut off from the others; empty: nothing is cut.
  std::list<std::unique_ptr<Pipe>> pipes_;
  std::thread thread_;
};

}  // namespace raftmq::testing
