// A connection that said hello, on its way to the shard it asked for.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <utility>

#include "broker/connection_limits.h"
#include "protocol/wire/frame.h"

namespace raftmq::broker {

// Owns the socket until it is taken. Movable between threads.
class Handover {
 public:
  Handover(int socket, std::uint64_t request_id, wire::FrameReader frames, ConnectionTicket place)
      : hello_id(request_id),
        reader(std::move(frames)),
        ticket(std::move(place)),
        socket_(socket) {}
  Handover(Handover&& other) noexcept
      : hello_id(other.hello_id),
        reader(std::move(other.reader)),
        ticket(std::move(other.ticket)),
        socket_(std::exchange(other.socket_, -1)) {}
  ~Handover() {
    if (socket_ >= 0) ::close(socket_);
  }

  int TakeSocket() { return std::exchange(socket_, -1); }

  std::uint64_t hello_id;
  wire::FrameReader reader;  // With what the client sent behind its hello.
  ConnectionTicket ticket;

 private:
  int socket_;
};

}  // namespace raftmq::broker
