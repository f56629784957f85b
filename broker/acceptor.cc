#include "broker/acceptor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "protocol/wire/frame.h"

namespace raftmq::broker {
namespace {

constexpr Milliseconds kDeadlineInterval{100};

std::string HostOf(const std::string& peer) { return peer.substr(0, peer.rfind(':')); }

// What foreign bytes look like, for the operator's eyes.
std::string GuessProtocol(ByteSpan bytes) {
  const std::string_view text = AsText(bytes);
  if (bytes.size() >= 2 && bytes[0] == std::byte{0x16} && bytes[1] == std::byte{0x03}) return "TLS";
  for (const std::string_view verb : {"GET ", "POST ", "HEAD ", "PUT ", "OPTIONS "}) {
    if (text.starts_with(verb)) return "HTTP";
  }
  return "something else";
}

}  // namespace

class Acceptor::Greeting final : public ConnectionHandler {
 public:
  Greeting(Acceptor& acceptor, std::unique_ptr<Connection> connection, ConnectionTicket ticket)
      : acceptor_(acceptor),
        connection_(std::move(connection)),
        ticket_(std::move(ticket)),
        reader_(acceptor.environment_.options.session.hello_frame_bytes_max),
        since_(acceptor.loop_.Now()) {
    reader_.SetMessageBytesMax(wire::kRequestMessageBytesMax);
    connection_->Start(*this);
  }

  MutableByteSpan PrepareRead() override {
    room_ = reader_.PrepareRead();
    return room_;
  }

  void OnRead(std::size_t count) override {
    const std::string guess = is_first_read_ ? GuessProtocol(room_.first(count)) : "something else";
    is_first_read_ = false;
    reader_.Commit(count);
    auto frame = reader_.Next();
    if (!frame) {
      acceptor_.environment_.log.WarnLimited(
          "acceptor", "not-raftmq",
          fmt::format("{} does not speak raftmq on the {} (it looks like {}): {}",
                      connection_->peer(), acceptor_.door_->name(), guess,
                      frame.error().ToString()));
      return Refuse(0, std::move(frame).error());
    }
    if (*frame) OnFrame(**frame);
  }

  void OnClosed(const Error&) override { acceptor_.Forget(*this); }

  void OnDeadline(Microseconds now) {
    if (is_refused_ || now - since_ < acceptor_.environment_.options.session.hello_deadline) return;
    is_refused_ = true;
    connection_->Close({ErrorCode::kTimeout, "no hello came in time"}, Milliseconds(0));
  }

 private:
  void OnFrame(const wire::Frame& frame) {
    std::uint64_t id = 0;
    const auto enter = acceptor_.door_->Admit(frame, &id);
    if (!enter) return Refuse(id, enter.error());
    const int socket = connection_->Release();
    if (socket >= 0) (*enter)(Handover(socket, id, std::move(reader_), std::move(ticket_)));
    acceptor_.Forget(*this);  // Destroys this.
  }

  void Refuse(std::uint64_t id, Error error) {
    if (std::exchange(is_refused_, true)) return;
    connection_->Write(acceptor_.door_->Refusal(id, error));
    connection_->Close(std::move(error));
  }

  Acceptor& acceptor_;
  std::unique_ptr<Connection> connection_;
  ConnectionTicket ticket_;
  wire::FrameReader reader_;
  MutableByteSpan room_;
  const Microseconds since_;
  bool is_first_read_ = true;
  bool is_refused_ = false;
};

Acceptor::Acceptor(EventLoop& loop, std::unique_ptr<Door> door, const Environment& environment)
    : loop_(loop), door_(std::move(door)), environment_(environment), deadline_(loop) {
  deadline_.StartRepeating(kDeadlineInterval, [this] { OnTick(); });
}

Acceptor::~Acceptor() = default;

Result<std::unique_ptr<Acceptor>> Acceptor::Listen(EventLoop& loop, const Address& at,
                                                   std::unique_ptr<Door> door,
                                                   const Environment& environment) {
  std::unique_ptr<Acceptor> acceptor(new Acceptor(loop, std::move(door), environment));
  RAFTMQ_TRY_ASSIGN(
      acceptor->listener_,
      Listener::Listen(loop, at, [raw = acceptor.get()](int socket, std::string peer) {
        raw->OnAccept(socket, peer);
      }));
  acceptor->bound_ = acceptor->listener_->bound();
  return acceptor;
}

void Acceptor::OnAccept(int socket, const std::string& peer) {
  auto connection = Connection::Adopt(loop_, socket);
  if (!connection) return;  // It has gone already.
  auto ticket = environment_.limits.Admit(HostOf(peer), (*connection)->peer_is_loopback());
  if (!ticket) {
    environment_.log.WarnLimited(
        "acceptor", "limit", fmt::format("{} is turned away: {}", peer, ticket.error().message));
    return;  // Closed with the connection.
  }
  auto greeting = std::make_unique<Greeting>(*this, std::move(*connection), std::move(*ticket));
  Greeting* key = greeting.get();
  greetings_.emplace(key, std::move(greeting));
}

void Acceptor::OnTick() {
  const Microseconds now = loop_.Now();
  for (auto& [greeting, owner] : greetings_) greeting->OnDeadline(now);
}

void Acceptor::Forget(Greeting& greeting) { greetings_.erase(&greeting); }

void Acceptor::StopAccepting() {
  listener_.reset();
  greetings_.clear();
}

}  // namespace raftmq::broker
