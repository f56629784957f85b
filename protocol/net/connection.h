// One TCP connection on one loop: reads straight into the reader's buffers, gathers writes.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "protocol/net/address.h"
#include "protocol/net/event_loop.h"
#include "protocol/types/bytes.h"

namespace raftmq {

// What a connection tells its owner. Loop-affine.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  // Where the next bytes are wanted; at least one byte. Called right before a read.
  virtual MutableByteSpan PrepareRead() = 0;
  // `count` bytes stand in the span that PrepareRead gave.
  virtual void OnRead(std::size_t count) = 0;
  // Everything up to a mark set with WritableBelow has left; see Connection::Write.
  virtual void OnDrained() {}
  // The connection is over (peer closed, reset, or Close was called with a reason); the last call.
  virtual void OnClosed(const Error& reason) = 0;
};

// Loop-affine. Destroying it closes the socket without further calls to the handler.
class Connection {
 public:
  // Connects; the outcome comes to `done` exactly once (kUnreachable, kTimeout), unless the
  // returned object is destroyed before. Start() must follow a success.
  class Connecting {
   public:
    virtual ~Connecting() = default;
  };
  using ConnectDone = std::function<void(Result<std::unique_ptr<Connection>>)>;
  static std::unique_ptr<Connecting> Connect(EventLoop& loop, const Address& to,
                                             Milliseconds timeout, ConnectDone done);
  // Takes over a connected socket (from a Listener, or handed over by another loop).
  static Result<std::unique_ptr<Connection>> Adopt(EventLoop& loop, int socket);

  ~Connection();

  // Begins reading. `handler` must outlive the connection or the next Close.
  void Start(ConnectionHandler& handler);
  // Queues bytes; all that was queued in a turn leaves in one gathered write at its end.
  // The bytes are kept alive until written. After a close they are dropped.
  void Write(SharedBytes bytes);
  std::size_t queued_bytes() const;  // Not yet taken by the kernel.
  // OnDrained is called whenever queued_bytes falls to this or below after being above. Default 0.
  void SetLowWater(std::size_t bytes);
  void PauseReading();  // Back-pressure: the kernel's window fills, then the peer waits.
  void ResumeReading();
  // Writes out what is queued (bounded by `linger`), then closes; OnClosed(reason) follows later.
  void Close(Error reason, Milliseconds linger = Milliseconds(1000));
  // Gives the socket up for another loop: returns a descriptor, the connection is dead afterwards.
  int Release();
  const std::string& peer() const;  // "127.0.0.1:53412".
  bool peer_is_loopback() const;

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Accepts connections and gives out their sockets. Loop-affine.
class Listener {
 public:
  using OnAccept =
      std::function<void(int socket, std::string peer)>;  // The callee owns the socket.
  // Port 0 takes a free one; see bound(). On EMFILE it stops accepting for a while, it never spins.
  static Result<std::unique_ptr<Listener>> Listen(EventLoop& loop, const Address& at,
                                                  OnAccept on_accept);
  ~Listener();
  const Address& bound() const;

 private:
  struct Impl;
  explicit Listener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace raftmq
