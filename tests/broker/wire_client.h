// A client that speaks one frame at a time over a blocking socket, for tests that want to see every
// byte, wrong ones included.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/net/address.h"
#include "protocol/types/bytes.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/messages.h"
#include "raftmq/result.h"

namespace raftmq::testing {

inline constexpr std::chrono::milliseconds kPatience{20'000};  // Of a test that waits.

// One batch of records with these values, sealed, as a producer sends it.
ByteBuffer MakeBatch(const std::vector<std::string>& values);
// The values of all records of a FetchData's attachment, in order.
std::vector<std::string> ValuesOf(ByteSpan batches);

class WireClient {
 public:
  struct Reply {
    wire::Message message;
    SharedBytes attachment;
  };

  // Connects without a hello. Ends the test by an exception if nobody listens.
  explicit WireClient(const Address& to);
  ~WireClient();
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;

  // Says hello to a shard and takes the reply.
  wire::HelloReply Hello(std::uint32_t shard = 0);
  // Sends a message; returns its request id.
  std::uint64_t Send(wire::Body body, ByteSpan attachment = {});
  void SendAs(std::uint64_t id, wire::Body body, ByteSpan attachment = {});
  // Raw bytes; false if the broker has closed.
  bool SendRaw(ByteSpan bytes);
  // The next frame. kTimeout; kDisconnected when the broker has closed.
  Result<Reply> Receive(std::chrono::milliseconds patience = kPatience);
  // The same without a look at what it says.
  Result<wire::Frame> ReceiveFrame(std::chrono::milliseconds patience = kPatience);
  // Sends and takes the next frame, which must answer it.
  Result<Reply> Call(wire::Body body, ByteSpan attachment = {});
  // True if the broker closes within the time; frames that come before are dropped.
  bool WaitForClose(std::chrono::milliseconds patience = kPatience);

 private:
  int socket_ = -1;
  std::uint64_t next_id_ = 1;
  wire::FrameReader reader_{64u << 20};
};

// What a reply holds. Aborts the test program if it is something else.
template <class T>
const T& As(const Result<WireClient::Reply>& reply);
// The error of a reply, or of not getting one.
Error ErrorOf(const Result<WireClient::Reply>& reply);

}  // namespace raftmq::testing

template <class T>
const T& raftmq::testing::As(const Result<WireClient::Reply>& reply) {
  if (!reply || !std::holds_alternative<T>(reply->message.body)) {
    const Error error = ErrorOf(reply);
    throw std::runtime_error("not the expected reply: " + error.ToString());
  }
  return std::get<T>(reply->message.body);
}
