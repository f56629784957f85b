// A shard's way to the other nodes: one connection to each of their shards, for sending only. What
// was said in a turn leaves in one frame per connection at its end.
//
//   idle --(timer)--> connecting --> hello sent --(welcome)--> up --(closed)--> idle, doubling
//   waits, or until the other node calls
//
// The first welcome in a process' life comes before its save counter is raised (counter_keeper.h):
// until then the connection is not up yet.
//
// The first connection to a node goes to its shard 0; its welcome tells how many shards there are.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "broker/log.h"
#include "broker/peers/peer_book.h"
#include "broker/peers/peer_metrics.h"
#include "protocol/net/connection.h"
#include "protocol/net/event_loop.h"
#include "protocol/types/split_mix.h"
#include "raftlog/heartbeats.h"
#include "raftlog/transport.h"

namespace raftmq::broker {

// Affine to its shard's loop, but for the constructor and destructor.
class PeerLinks final : public Transport, public HeartbeatTransport {
 public:
  // `on_lost` is told of each connection that was up and broke, `on_rolled_back` of a node that
  // knows a newer directory of this one.
  struct Environment {
    EventLoop& loop;
    Log& log;
    PeerBook& book;
    PeerMetrics& metrics;
  };
  PeerLinks(const Environment& environment, std::function<void(NodeId)> on_lost,
            std::function<void(const Error&)> on_rolled_back);
  ~PeerLinks() override;

  // Begins to connect; keeps at it for ever.
  void Start();
  void Send(PeerMessage message) override;
  std::optional<PeerShard> WhereIs(NodeId node, const GroupId& group) const override;
  void Send(const PeerShard& to, Heartbeat heartbeat) override;
  void Send(const PeerShard& to, HeartbeatReply reply) override;
  // Whether some connection to the node is up.
  bool IsUp(NodeId node) const;
  // The node has called, so it is there: what waits to connect to it does so at once. It may have
  // been down for long, and a leader elected now needs the way back to it.
  void Hurry(NodeId node);
  // Tells others of the save counter.
  void Tick();
  // At the end of the turn.
  void Flush();
  // Closes everything; nothing is sent any more.
  void Stop();

 private:
  class Link;
  struct Node;

  void OnWelcome(Node& node, const wire::PeerWelcome& welcome);
  void AddLink(Node& node, std::uint32_t shard);
  Link* FindLink(const PeerShard& to) const;

  const Environment environment_;
  const std::function<void(NodeId)> on_lost_;
  const std::function<void(const Error&)> on_rolled_back_;
  SplitMix random_;  // Of the waits.
  std::map<NodeId, std::unique_ptr<Node>> nodes_;
};

}  // namespace raftmq::broker
