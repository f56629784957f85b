#include "tests/broker/wire_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "protocol/types/batch_builder.h"
#include "protocol/types/batch_cursor.h"
#include "protocol/types/check.h"
#include "protocol/wire/codec.h"

namespace raftmq::testing {

ByteBuffer MakeBatch(const std::vector<std::string>& values) {
  BatchBuilder builder(kBatchBytesMax);
  for (const std::string& value : values) {
    Record record;
    record.timestamp_ms = 1'700'000'000'000;
    record.value = value;
    RAFTMQ_CHECK(builder.Append(record));
  }
  return builder.Finish({});
}

std::vector<std::string> ValuesOf(ByteSpan batches) {
  std::vector<std::string> values;
  while (!batches.empty()) {
    const auto batch = OpenRecords(batches);
    if (!batch) throw std::runtime_error(batch.error().ToString());
    BatchCursor cursor(*batch);
    while (const auto record = cursor.Next()) values.emplace_back(*record->value);
    batches = batches.subspan(batch->header().padded_length());
  }
  return values;
}

WireClient::WireClient(const Address& to)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(to.port);
  RAFTMQ_CHECK(inet_pton(AF_INET, to.host.c_str(), &address.sin_addr) == 1);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    throw std::runtime_error("nobody listens on " + to.ToString());
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

WireClient::~WireClient() { ::close(socket_); }

wire::HelloReply WireClient::Hello(std::uint32_t shard) {
  return As<wire::HelloReply>(Call(wire::HelloRequest{.client_name = "test", .shard = shard}));
}

std::uint64_t WireClient::Send(wire::Body body, ByteSpan attachment) {
  const std::uint64_t id = next_id_++;
  SendAs(id, std::move(body), attachment);
  return id;
}

void WireClient::SendAs(std::uint64_t id, wire::Body body, ByteSpan attachment) {
  SendRaw(wire::EncodeHead({id, std::move(body)}, attachment.size()).view());
  SendRaw(attachment);
}

bool WireClient::SendRaw(ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

Result<WireClient::Reply> WireClient::Receive(std::chrono::milliseconds patience) {
  RAFTMQ_TRY_ASSIGN(const wire::Frame frame, ReceiveFrame(patience));
  std::uint64_t id = 0;
  RAFTMQ_TRY_ASSIGN(auto message, wire::DecodeMessage(frame.message(), &id));
  return Reply{std::move(message), SharedBytes::Copy(frame.attachment())};
}

Result<wire::Frame> WireClient::ReceiveFrame(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    RAFTMQ_TRY_ASSIGN(auto frame, reader_.Next());
    if (frame) return std::move(*frame);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd poll_for{.fd = socket_, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&poll_for, 1, static_cast<int>(left.count())) == 0) {
      return Fail(ErrorCode::kTimeout, "no frame came");
    }
    const MutableByteSpan into = reader_.PrepareRead();
    const ssize_t got = ::recv(socket_, into.data(), into.size(), 0);
    if (got <= 0) return Fail(ErrorCode::kDisconnected, "the broker closed the connection");
    reader_.Commit(static_cast<std::size_t>(got));
  }
}

Result<WireClient::Reply> WireClient::Call(wire::Body body, ByteSpan attachment) {
  const std::uint64_t id = Send(std::move(body), attachment);
  auto reply = Receive();
  if (reply && reply->message.request_id != id)
    throw std::runtime_error("answer to something else");
  return reply;
}

bool WireClient::WaitForClose(std::chrono::milliseconds patience) {
  while (true) {
    const auto reply = Receive(patience);
    if (!reply) return reply.error().code != ErrorCode::kTimeout;
  }
}

Error ErrorOf(const Result<WireClient::Reply>& reply) {
  if (!reply) return reply.error();
  const auto* error = std::get_if<wire::ErrorReply>(&reply->message.body);
  return error != nullptr ? error->error : Error{ErrorCode::kOk, ""};
}

}  // namespace raftmq::testing
