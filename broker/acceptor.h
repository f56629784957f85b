// A port: takes connections in, waits for their hello, and hands them to whom its door says.
// Runs on the broker's control loop, so that a flood of connections that say
// nothing costs no shard anything.
//
//   accepted --(limits)--> waiting for hello --(hello)--> Release + Handover letter to the shard
//        \ over a limit: closed     \ deadline, other bytes, other message: closed, one log line
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "broker/broker_options.h"
#include "broker/connection_limits.h"
#include "broker/door.h"
#include "broker/log.h"
#include "protocol/net/connection.h"
#include "protocol/net/event_loop.h"

namespace raftmq::broker {

// Affine to the control loop.
class Acceptor {
 public:
  struct Environment {
    const BrokerOptions& options;
    Log& log;
    ConnectionLimits& limits;
  };
  // Errors: those of Listener::Listen.
  static Result<std::unique_ptr<Acceptor>> Listen(EventLoop& loop, const Address& at,
                                                  std::unique_ptr<Door> door,
                                                  const Environment& environment);
  ~Acceptor();
  const Address& bound() const { return bound_; }
  // Accepts no more and closes what has not said hello.
  void StopAccepting();

 private:
  class Greeting;  // One connection until its hello.

  Acceptor(EventLoop& loop, std::unique_ptr<Door> door, const Environment& environment);
  void OnAccept(int socket, const std::string& peer);
  void OnTick();
  void Forget(Greeting& greeting);

  EventLoop& loop_;
  const std::unique_ptr<Door> door_;
  const Environment environment_;
  std::unique_ptr<Listener> listener_;  // Null once it accepts no more.
  Address bound_;
  std::unordered_map<Greeting*, std::unique_ptr<Greeting>> greetings_;
  Timer deadline_;
};

}  // namespace raftmq::broker
