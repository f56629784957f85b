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

// What a connection tells its owner, never from inside a call that the owner makes. Any of these
// may destroy the connection, and the handler with it. Loop-affine.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  // Where the next bytes are wanted; at least one byte. Called right before a read.
  virtual MutableByteSpan PrepareRead() = 0;
  // `count` bytes stand in the span that PrepareRead gave.
  virtual void OnRead(std::size_t count) = 0;
  // Output has left: see Connection::SetLowWater.
  virtual void OnDrained() {}
  // The connection is over (peer closed, reset, or Close was called with a reason); the last call.
  // A peer that shuts down its sending half has closed: what is queued is still tried once.
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
  // Takes over a connected socket (from a Listener, or handed over by another loop); on an error
  // (kDisconnected: the peer has gone already) it is closed.
  static Result<std::unique_ptr<Connection>> Adopt(EventLoop& loop, int socket);

  ~Connection();

  // Begins reading. `handler` must outlive the connection, or live until OnClosed.
  void Start(ConnectionHandler& handler);
  // Queues bytes; all that was queued in a turn leaves in one gathered write at its end.
  // The bytes are kept alive until written. After a close they are dropped. Calls nobody back.
  // The owner bounds the queue: it looks at queued_bytes and waits for OnDrained.
  void Write(SharedBytes bytes);
  std::size_t queued_bytes() const;  // Not yet taken by the kernel.
  // OnDrained is called whenever queued_bytes falls to this or below after being above. Default 0.
  void SetLowWater(std::size_t bytes);
  // The connection breaks when the other machine takes nothing, or does not answer the kernel's own
  // questions, for about this long. Else TCP tries for minutes, and goes on minutes after a cut
  // that has healed. At least one second.
  void SetSilenceMax(Milliseconds silence_max);
  // Back-pressure: the kernel's window fills, then the peer waits. A paused connection that is not
  // written to does not notice when the peer goes.
  void PauseReading();
  void ResumeReading();
  // Reads no more, writes out what is queued, lets the peer see the end and waits for its own (so
  // that a reset does not overtake the last bytes), all bounded by `linger`; 0 drops the queue.
  // OnClosed(reason) follows later. A second Close has no effect.
  void Close(Error reason, Milliseconds linger = Milliseconds(1000));
  // Gives the socket up for another loop: returns a descriptor that the caller owns (-1 if the
  // connection is over), the connection is dead afterwards and its handler is not called again.
  // Bytes that OnRead has brought stay with the handler; bytes still queued are dropped.
  int Release();
  const std::string& peer() const;  // "127.0.0.1:53412".
  bool peer_is_loopback() const;

 private:
  struct Impl;
  explicit Connection(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

// Accepts connections and gives out their sockets. Loop-affine.
class Listener {
 public:
  // The callee owns the socket; it may destroy the listener.
  using OnAccept = std::function<void(int socket, std::string peer)>;
  // Port 0 takes a free one; see bound(). On EMFILE it turns one caller away and stops accepting
  // for a while, it never spins. A host name is resolved at once: listen before the loop serves.
  // Errors: kUnreachable (name unknown, address in use or not of this machine).
  static Result<std::unique_ptr<Listener>> Listen(EventLoop& loop, const Address& at,
                                                  OnAccept on_accept);
  ~Listener();
  const Address& bound() const;

 private:
  struct Impl;
  explicit Listener(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace raftmq
