// A connection from a shard of another node, after its hello: receiving only.
#pragma once

#include <functional>
#include <memory>

#include "broker/handover.h"
#include "protocol/net/connection.h"
#include "protocol/net/event_loop.h"
#include "protocol/wire/peer_messages.h"
#include "raftlog/heartbeats.h"
#include "raftlog/transport.h"

namespace raftmq::broker {

// On its way from the peer port to the shard that its hello names.
struct PeerArrival {
  wire::PeerHello hello;
  Handover handover;
};

// Affine to its shard's loop. Owned by the shard, which destroys it when `on_closed` is called.
class PeerSession final : private ConnectionHandler {
 public:
  struct Owner {
    wire::PeerWelcome welcome;  // What it is greeted with.
    std::function<void(PeerMessage)> on_message;
    std::function<void(NodeId, const Heartbeat&)> on_heartbeat;
    std::function<void(NodeId, const HeartbeatReply&)> on_heartbeat_reply;
    std::function<void(const wire::PeerHello&, std::uint64_t counter)> on_saved;
    std::function<void(NodeId, const Error&)> on_refused;  // It sent what no peer sends.
    std::function<void(PeerSession&, const Error&)> on_closed;
  };
  PeerSession(EventLoop& loop, PeerArrival arrival, Owner owner);
  ~PeerSession() override;

  // False if the peer has gone already.
  bool Start();
  NodeId node() const { return hello_.node; }

 private:
  MutableByteSpan PrepareRead() override { return reader_.PrepareRead(); }
  void OnRead(std::size_t count) override;
  void OnClosed(const Error& reason) override { owner_.on_closed(*this, reason); }
  void ProcessFrames();
  Status Take(wire::Frame frame);
  Status TakeItems(const wire::PeerItems& items, wire::Frame frame);

  EventLoop& loop_;
  const wire::PeerHello hello_;
  const Owner owner_;
  wire::FrameReader reader_;
  int socket_;
  std::unique_ptr<Connection> connection_;
  bool is_closing_ = false;
};

}  // namespace raftmq::broker
