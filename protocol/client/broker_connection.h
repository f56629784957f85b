// One connection to one shard of one broker: the hello, requests matched with their replies under
// deadlines, and fetch streams.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/net/address.h"
#include "protocol/net/connection.h"
#include "protocol/net/event_loop.h"
#include "protocol/types/bytes.h"
#include "protocol/types/clock.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/messages.h"
#include "raftmq/result.h"

namespace raftmq::internal {

// A reply that is not an error. The attachment is what came beside it.
struct Reply {
  wire::Body body;
  SharedBytes attachment;
};
using ReplyDone = std::function<void(Result<Reply>)>;

// Who reads a fetch stream. Loop-affine.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  virtual void OnData(const wire::FetchData& data, SharedBytes attachment) = 0;
  // The stream is over; the last call. A lost connection ends it with kDisconnected or
  // kUnreachable.
  virtual void OnEnd(const wire::ErrorReply& reason) = 0;
};

// Loop-affine. Connects at once; what is sent before the hello is answered waits for it.
// Everything given to it has an outcome: when the connection is lost, requests that may have
// reached the broker end with kDisconnected (unknown), others with kUnreachable (definite).
class BrokerConnection final : private ConnectionHandler {
 public:
  struct Options {
    Address address;
    std::uint32_t shard = 0;
    std::string client_name;
    Milliseconds connect_timeout{10'000};
    Milliseconds request_timeout{10'000};
  };
  using OnReady = std::function<void(const wire::HelloReply&)>;
  // Called once, before the requests under way get their outcomes. The callee must not destroy the
  // connection before the turn is over.
  using OnGone = std::function<void(const Error&)>;

  BrokerConnection(EventLoop& loop, Options options, OnReady on_ready, OnGone on_gone);
  // What is under way ends with kCancelled.
  ~BrokerConnection() override;

  // Sends a request; `done` gets the reply or an error, exactly once, never from within this call.
  // kTimeout after `timeout`, waiting for the connection included. REQUIRES, as all below:
  // !IsGone().
  void Request(wire::Body body, SharedBytes attachment, Milliseconds timeout, ReplyDone done);
  // Sends a message that has no reply; `left` is called when the kernel has taken it, or with the
  // error that prevented it; never from within this call.
  void SendOneWay(wire::Body body, SharedBytes attachment, std::function<void(Status)> left);

  // Opens a stream; `handler` must live until OnEnd or CloseStream. Returns the stream's number.
  std::uint64_t OpenStream(const wire::FetchRequest& request, StreamHandler* handler);
  void AddCredit(std::uint64_t stream, std::uint32_t bytes);
  void CloseStream(std::uint64_t stream);  // Nothing is called afterwards.

  bool IsReady() const { return ready_ && !gone_; }
  bool IsHelloDone() const { return ready_; }
  bool IsGone() const { return gone_; }
  // True while requests wait and nothing has come for a while: the broker may be frozen or cut off.
  bool IsSilent(Microseconds now) const;
  NodeId node() const { return node_; }  // As the hello said; 0 before.
  const Options& options() const { return options_; }
  // Gives up: everything under way gets `error`.
  void Break(const Error& error);

 private:
  struct Pending {
    ReplyDone done;
    Microseconds sent_at{0};
    Microseconds deadline{0};
  };
  struct Outgoing {
    std::uint64_t id = 0;
    SharedBytes head;
    SharedBytes attachment;
    std::function<void(Status)> left;  // Of a one-way message.
  };

  MutableByteSpan PrepareRead() override { return reader_.PrepareRead(); }
  void OnRead(std::size_t count) override;
  void OnDrained() override;
  void OnClosed(const Error& reason) override;

  void OnConnected(Result<std::unique_ptr<Connection>> outcome);
  void OnHello(Result<Reply> outcome);
  void OnFrame(wire::Frame frame);
  void OnStreamMessage(StreamHandler* handler, std::uint64_t id, const wire::Body& body,
                       SharedBytes attachment);
  void Write(std::uint64_t id, wire::Body body, SharedBytes attachment);
  // Writes it, or keeps it until the hello is answered.
  void WriteWhenReady(Outgoing message);
  void WriteNow(Outgoing message);
  // True, and the message has its outcome, if the broker would refuse the frame for its size: it
  // would close the connection, and all that is in flight on it would fail.
  bool RefuseTooLarge(Outgoing& message);
  void Sweep();  // Ends what is overdue; finds out whether a silent broker still lives.
  void Ping(Microseconds now);
  void ArmSweep();
  void FailAll(const Error& error, ErrorCode code);
  std::string Where() const;  // "127.0.0.1:7440 shard 0".

  EventLoop& loop_;
  Options options_;
  OnReady on_ready_;
  OnGone on_gone_;
  std::unique_ptr<Connection::Connecting> connecting_;
  std::unique_ptr<Connection> connection_;
  wire::FrameReader reader_;
  Timer sweep_;
  bool sweeps_soon_ = false;  // The pending sweep is one for requests, not for streams alone.
  bool ready_ = false;        // The hello was accepted.
  bool gone_ = false;         // Broken or closed; nothing works any more.
  NodeId node_;
  std::size_t frame_bytes_max_ = 0;  // What the broker accepts; 0 = not known yet.
  std::uint64_t next_id_ = 1;
  Microseconds last_read_{0};
  bool ping_under_way_ = false;
  std::map<std::uint64_t, Pending> pending_;  // By number: failures come in the order of sending.
  std::unordered_map<std::uint64_t, StreamHandler*> streams_;
  std::vector<Outgoing> unsent_;                      // Waits for the hello.
  std::vector<std::function<void(Status)>> leaving_;  // Wait for OnDrained.
};

}  // namespace raftmq::internal
