// Which nodes this node talks to: where they are, and which data directory each has proven to have.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "broker/peers/peer_node.h"
#include "protocol/types/ids.h"
#include "protocol/wire/peer_messages.h"
#include "raftmq/result.h"

namespace raftmq::broker {

// Thread-safe.
class PeerBook {
 public:
  // `self` as it introduces itself, but for `to` and `shard`. `nodes`: the founding ones, this one
  // included.
  PeerBook(wire::PeerHello self, std::vector<PeerNode> nodes);

  const wire::PeerHello& self() const { return self_; }
  const std::vector<PeerNode>& nodes() const { return nodes_; }
  bool HasPeers() const { return nodes_.size() > 1; }
  // All but this one.
  std::vector<PeerNode> Others() const;

  // From the catalogue: this is the directory that the node has joined with.
  void SetIncarnation(NodeId node, std::uint64_t incarnation);
  // From here on hellos are believed: what this node's own catalogue says of the others is set. A
  // node that came before with an empty directory could vote as its old self.
  void Open();
  // Whether to believe a hello. Errors, each saying what was expected and found: kUnsupported
  // (version), kForeignDirectory (cluster, node, incarnation), kNotYet before Open.
  Status Check(const wire::PeerHello& hello) const;

 private:
  const wire::PeerHello self_;
  const std::vector<PeerNode> nodes_;
  mutable std::mutex mutex_;
  std::map<NodeId, std::uint64_t> incarnations_;
  bool is_open_ = false;
};

}  // namespace raftmq::broker
