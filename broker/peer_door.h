// The peer port of a node that has no peers yet: bound, so that its address is known and taken, and
// answering everybody with an error that says so.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "broker/log.h"
#include "protocol/net/connection.h"
#include "protocol/net/event_loop.h"

namespace raftmq::broker {

// Affine to the control loop.
class PeerDoor {
 public:
  // Errors: those of Listener::Listen.
  static Result<std::unique_ptr<PeerDoor>> Listen(EventLoop& loop, const Address& at, Log& log);
  ~PeerDoor();
  const Address& bound() const { return listener_->bound(); }

 private:
  class Visitor;  // One connection on its way out.
  static constexpr std::size_t kVisitorsMax = 16;

  PeerDoor(EventLoop& loop, Log& log);
  void OnAccept(int socket, const std::string& peer);

  EventLoop& loop_;
  Log& log_;
  std::unique_ptr<Listener> listener_;
  std::unordered_map<Visitor*, std::unique_ptr<Visitor>> visitors_;
};

}  // namespace raftmq::broker
