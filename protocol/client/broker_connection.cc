#include "protocol/client/broker_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "protocol/types/check.h"
#include "protocol/wire/codec.h"

namespace raftmq::internal {
namespace {

constexpr Milliseconds kSweepInterval{20};
constexpr Milliseconds kSilence{400};

}  // namespace

BrokerConnection::BrokerConnection(EventLoop& loop, Options options, OnReady on_ready,
                                   OnGone on_gone)
    : loop_(loop),
      options_(std::move(options)),
      on_ready_(std::move(on_ready)),
      on_gone_(std::move(on_gone)),
      reader_(wire::kFrameBytesBeforeHello),
      sweep_(loop) {
  last_read_ = loop_.Now();
  connecting_ = Connection::Connect(
      loop_, options_.address, options_.connect_timeout,
      [this](Result<std::unique_ptr<Connection>> outcome) { OnConnected(std::move(outcome)); });
}

BrokerConnection::~BrokerConnection() {
  gone_ = true;
  on_gone_ = nullptr;
  FailAll({ErrorCode::kCancelled, "the client was closed with the request under way"},
          ErrorCode::kCancelled);
}

void BrokerConnection::Request(wire::Body body, SharedBytes attachment, Milliseconds timeout,
                               ReplyDone done) {
  RAFTMQ_CHECK(!gone_);
  const std::uint64_t id = next_id_++;
  const Microseconds now = loop_.Now();
  pending_.emplace(id, Pending{.done = std::move(done), .sent_at = now, .deadline = now + timeout});
  ArmSweep();
  Write(id, std::move(body), std::move(attachment));
}

void BrokerConnection::SendOneWay(wire::Body body, SharedBytes attachment,
                                  std::function<void(Status)> left) {
  RAFTMQ_CHECK(!gone_);
  SharedBytes head =
      wire::EncodeHead({.request_id = next_id_++, .body = std::move(body)}, attachment.size());
  WriteWhenReady({.id = 0,
                  .head = std::move(head),
                  .attachment = std::move(attachment),
                  .left = std::move(left)});
}

std::uint64_t BrokerConnection::OpenStream(const wire::FetchRequest& request,
                                           StreamHandler* handler) {
  RAFTMQ_CHECK(!gone_);
  const std::uint64_t id = next_id_++;
  streams_.emplace(id, handler);
  ArmSweep();
  Write(id, request, {});
  return id;
}

void BrokerConnection::AddCredit(std::uint64_t stream, std::uint32_t bytes) {
  if (!gone_) Write(next_id_++, wire::FetchCredit{.stream = stream, .credit_bytes = bytes}, {});
}

void BrokerConnection::CloseStream(std::uint64_t stream) {
  if (streams_.erase(stream) == 0 || gone_) return;
  Write(next_id_++, wire::FetchClose{.stream = stream}, {});
}

void BrokerConnection::Break(const Error& error) {
  if (gone_) return;
  gone_ = true;
  if (auto on_gone = std::exchange(on_gone_, nullptr)) on_gone(error);
  FailAll(error, ready_ ? ErrorCode::kDisconnected : ErrorCode::kUnreachable);
}

bool BrokerConnection::IsSilent(Microseconds now) const {
  if (gone_ || pending_.empty()) return false;
  return std::max(last_read_, pending_.begin()->second.sent_at) + kSilence < now;
}

void BrokerConnection::Write(std::uint64_t id, wire::Body body, SharedBytes attachment) {
  SharedBytes head =
      wire::EncodeHead({.request_id = id, .body = std::move(body)}, attachment.size());
  WriteWhenReady(
      {.id = id, .head = std::move(head), .attachment = std::move(attachment), .left = {}});
}

void BrokerConnection::WriteWhenReady(Outgoing message) {
  if (!ready_) return unsent_.push_back(std::move(message));
  WriteNow(std::move(message));
}

void BrokerConnection::WriteNow(Outgoing message) {
  if (RefuseTooLarge(message)) return;
  if (message.left) leaving_.push_back(std::move(message.left));
  connection_->Write(std::move(message.head));
  if (!message.attachment.empty()) connection_->Write(std::move(message.attachment));
}

bool BrokerConnection::RefuseTooLarge(Outgoing& message) {
  const std::size_t frame_bytes = message.head.size() + message.attachment.size();
  if (frame_bytes_max_ == 0 || frame_bytes <= frame_bytes_max_) return false;
  Error error{ErrorCode::kBatchTooLarge,
              fmt::format("a frame of {} bytes is above the {} bytes that {} accepts: make batches "
                          "or messages smaller",
                          frame_bytes, frame_bytes_max_, Where())};
  // The outcomes come later, so that no callback runs from within Request or SendOneWay.
  if (message.left) {
    loop_.Post([left = std::move(message.left), error] { left(Fail(error)); });
    return true;
  }
  const auto found = pending_.find(message.id);
  if (found == pending_.end()) return false;  // Of a stream: such messages are small.
  loop_.Post([done = std::move(found->second.done), error] { done(Fail(error)); });
  pending_.erase(found);
  return true;
}

void BrokerConnection::OnConnected(Result<std::unique_ptr<Connection>> outcome) {
  if (gone_) return;
  if (!outcome) {
    return Break({ErrorCode::kUnreachable,
                  fmt::format("cannot connect to {}: {}", Where(), outcome.error().message)});
  }
  connection_ = std::move(*outcome);
  connection_->Start(*this);
  last_read_ = loop_.Now();
  const std::uint64_t id = next_id_++;
  pending_.emplace(id, Pending{.done = [this](Result<Reply> reply) { OnHello(std::move(reply)); },
                               .sent_at = last_read_,
                               .deadline = last_read_ + options_.connect_timeout});
  ArmSweep();
  WriteNow(
      {.id = id,
       .head = wire::EncodeHead({.request_id = id,
                                 .body = wire::HelloRequest{.client_name = options_.client_name,
                                                            .shard = options_.shard}},
                                0),
       .attachment = {},
       .left = {}});
}

void BrokerConnection::OnHello(Result<Reply> outcome) {
  if (gone_) return;
  if (!outcome) {
    return Break({ErrorCode::kUnreachable,
                  fmt::format("{} refused the hello: {}", Where(), outcome.error().ToString())});
  }
  const auto* hello = std::get_if<wire::HelloReply>(&outcome->body);
  if (hello == nullptr || hello->version != wire::kWireVersion) {
    return Break(
        {ErrorCode::kUnreachable, fmt::format("{} did not answer the hello in wire version {}",
                                              Where(), wire::kWireVersion)});
  }
  ready_ = true;
  node_ = hello->node;
  frame_bytes_max_ = hello->frame_bytes_max;
  // A broker may always answer a fetch with one whole batch, whatever it accepts itself.
  reader_.SetFrameBytesMax(wire::kFrameBytesHardMax);
  if (on_ready_) on_ready_(*hello);
  for (Outgoing& waiting : std::exchange(unsent_, {})) {
    const bool is_wanted =
        waiting.left || pending_.contains(waiting.id) || streams_.contains(waiting.id);
    if (is_wanted) WriteNow(std::move(waiting));  // Else it has timed out, or was closed.
  }
}

void BrokerConnection::OnRead(std::size_t count) {
  last_read_ = loop_.Now();
  reader_.Commit(count);
  while (!gone_) {
    Result<std::optional<wire::Frame>> frame = reader_.Next();
    if (!frame) return Break(frame.error());
    if (!frame->has_value()) return;
    OnFrame(std::move(**frame));
  }
}

void BrokerConnection::OnFrame(wire::Frame frame) {
  std::uint64_t id = 0;
  Result<wire::Message> message = wire::DecodeMessage(frame.message(), &id);
  if (!message) {
    return Break({ErrorCode::kDisconnected, fmt::format("cannot read what {} sent: {}", Where(),
                                                        message.error().ToString())});
  }
  const std::size_t at = frame.attachment_at();
  SharedBytes bytes(std::move(frame.buffer));
  SharedBytes attachment = bytes.Slice(at, bytes.size() - at);

  if (const auto stream = streams_.find(message->request_id); stream != streams_.end()) {
    return OnStreamMessage(stream->second, stream->first, message->body, std::move(attachment));
  }
  const auto found = pending_.find(message->request_id);
  if (found == pending_.end()) return;  // Late: it has timed out, or its stream was closed.
  ReplyDone done = std::move(found->second.done);
  pending_.erase(found);
  if (auto* failure = std::get_if<wire::ErrorReply>(&message->body)) {
    done(Fail(std::move(failure->error)));
  } else {
    done(Reply{.body = std::move(message->body), .attachment = std::move(attachment)});
  }
}

void BrokerConnection::OnStreamMessage(StreamHandler* handler, std::uint64_t id,
                                       const wire::Body& body, SharedBytes attachment) {
  if (const auto* data = std::get_if<wire::FetchData>(&body)) {
    handler->OnData(*data, std::move(attachment));
    if (!data->last || streams_.erase(id) == 0) return;
    handler->OnEnd({.error = {ErrorCode::kNotYet, "the broker ended the stream"}});
    return;
  }
  streams_.erase(id);
  if (const auto* failure = std::get_if<wire::ErrorReply>(&body)) {
    handler->OnEnd(*failure);
  } else {
    handler->OnEnd({.error = {ErrorCode::kDisconnected,
                              fmt::format("{} answered a fetch with something else", Where())}});
  }
}

void BrokerConnection::OnDrained() {
  for (auto& left : std::exchange(leaving_, {})) left(Ok());
}

void BrokerConnection::OnClosed(const Error& reason) {
  Break({ErrorCode::kDisconnected,
         fmt::format("the connection to {} is lost: {}", Where(), reason.message)});
}

void BrokerConnection::Sweep() {
  if (gone_) return;
  const Microseconds now = loop_.Now();
  std::vector<Pending> overdue;
  bool silent = false;
  for (auto at = pending_.begin(); at != pending_.end();) {
    if (at->second.deadline > now) {
      ++at;
      continue;
    }
    silent = silent || (ready_ && last_read_ < at->second.sent_at);
    overdue.push_back(std::move(at->second));
    at = pending_.erase(at);
  }
  for (Pending& request : overdue) {
    const ErrorCode code = ready_ ? ErrorCode::kTimeout : ErrorCode::kUnreachable;
    request.done(Fail(code, fmt::format("{} did not answer in time", Where())));
    if (gone_) return;
  }
  if (silent) {
    return Break({ErrorCode::kDisconnected,
                  fmt::format("{} gives no sign of life: connection dropped", Where())});
  }
  Ping(now);
  ArmSweep();
}

void BrokerConnection::ArmSweep() {
  if (!pending_.empty()) {
    if (sweeps_soon_ && sweep_.IsPending()) return;
    sweeps_soon_ = true;
    sweep_.Start(kSweepInterval, [this] { Sweep(); });
  } else if (!streams_.empty()) {
    sweeps_soon_ = false;
    sweep_.Start(options_.request_timeout / 4 + kSweepInterval, [this] { Sweep(); });
  }
}

// A broken network looks like a parked stream: nothing comes. So after a silence as long as a
// request may take, something is asked; Sweep drops the connection if that stays unanswered.
void BrokerConnection::Ping(Microseconds now) {
  if (!ready_ || streams_.empty() || ping_under_way_) return;
  if (now - last_read_ < options_.request_timeout) return;
  ping_under_way_ = true;
  Request(wire::MetadataRequest{.topics = {"__cluster"}}, {}, options_.request_timeout,
          [this](const Result<Reply>&) { ping_under_way_ = false; });
}

void BrokerConnection::FailAll(const Error& error, ErrorCode code) {
  const auto pending = std::exchange(pending_, {});
  const auto streams = std::exchange(streams_, {});
  const auto leaving = std::exchange(leaving_, {});
  const auto unsent = std::exchange(unsent_, {});
  const Error outcome{code, error.message};
  for (const auto& [id, request] : pending) request.done(Fail(outcome));
  for (const auto& [id, handler] : streams) handler->OnEnd({.error = outcome});
  for (const auto& left : leaving) left(Fail(outcome));
  for (const Outgoing& waiting : unsent) {
    if (waiting.left) waiting.left(Fail(outcome));
  }
}

std::string BrokerConnection::Where() const {
  return fmt::format("{} shard {}", options_.address.ToString(), options_.shard);
}

}  // namespace raftmq::internal
