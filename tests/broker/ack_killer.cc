#include "tests/broker/ack_killer.h"

#include <future>
#include <optional>
#include <utility>
#include <variant>

#include "protocol/types/bytes.h"
#include "protocol/types/check.h"
#include "protocol/wire/codec.h"
#include "protocol/wire/frame.h"

namespace raftmq::testing {
namespace {

constexpr Milliseconds kConnectTimeout{1'000};
constexpr Milliseconds kAtOnce{0};

const Error kCut{ErrorCode::kDisconnected, "cut by the test"};

}  // namespace

// A connection of a client to a broker, passed on frame by frame.
class AckKiller::Pipe {
 public:
  Pipe(AckKiller& killer, NodeId node, std::unique_ptr<Connection> caller) : killer_(killer) {
    client_.connection = std::move(caller);
    connecting_ = Connection::Connect(killer.loop_, killer.addresses_.at(node), kConnectTimeout,
                                      [this](Result<std::unique_ptr<Connection>> called) {
                                        if (!called) return End();
                                        broker_.connection = std::move(*called);
                                        client_.connection->Start(client_);
                                        broker_.connection->Start(broker_);
                                      });
  }

 private:
  struct Side final : ConnectionHandler {
    using Pass = void (Pipe::*)(wire::Frame frame);
    Side(Pipe& its_pipe, Pass pass_on) : pipe(its_pipe), pass(pass_on) {}

    MutableByteSpan PrepareRead() override { return reader.PrepareRead(); }
    void OnRead(std::size_t count) override {
      reader.Commit(count);
      while (!pipe.is_over_) {
        auto frame = reader.Next();
        if (!frame) return pipe.Cut();  // No test sends what is no frame this way.
        if (!*frame) return;
        (pipe.*pass)(std::move(**frame));
      }
    }
    void OnClosed(const Error&) override {
      is_closed = true;
      pipe.OnClosed();
    }

    Pipe& pipe;
    const Pass pass;
    wire::FrameReader reader{wire::kFrameBytesHardMax};
    std::unique_ptr<Connection> connection;
    bool is_closed = false;
  };

  static wire::Message MessageOf(const wire::Frame& frame) {
    std::uint64_t id = 0;
    auto message = wire::DecodeMessage(frame.message(), &id);
    return message ? std::move(*message) : wire::Message{};
  }

  void PassRequest(wire::Frame frame) {
    const wire::Message message = MessageOf(frame);
    broker_.connection->Write(SharedBytes(std::move(frame.buffer)));
    if (!std::holds_alternative<wire::ProduceRequest>(message.body)) return;
    switch (killer_.DrawFate()) {
      case Fate::kPasses:
        return;
      case Fate::kCutBehind:
        ++killer_.counts_.cut_behind;
        return Cut();
      case Fate::kCutBefore:
        if (!doomed_) doomed_ = message.request_id;
    }
  }

  void PassAnswer(wire::Frame frame) {
    if (!doomed_ || MessageOf(frame).request_id != *doomed_)
      return client_.connection->Write(SharedBytes(std::move(frame.buffer)));
    ++killer_.counts_.cut_before;
    Cut();
  }

  // The broker gets what has passed; the client gets nothing more.
  void Cut() {
    is_over_ = true;
    client_.connection->Close(kCut, kAtOnce);
    broker_.connection->Close(kCut);
  }

  // One side has gone: the other gets what was for it, and goes as well.
  void OnClosed() {
    is_over_ = true;
    if (client_.is_closed && broker_.is_closed) return End();
    Side& other = client_.is_closed ? broker_ : client_;
    other.connection->Close(kCut);
  }

  void End() {
    killer_.loop_.Post([&killer = killer_, this] { killer.Forget(this); });
  }

  AckKiller& killer_;
  bool is_over_ = false;
  std::optional<std::uint64_t> doomed_;  // The request whose answer will not pass.
  std::unique_ptr<Connection::Connecting> connecting_;
  Side client_{*this, &Pipe::PassRequest};
  Side broker_{*this, &Pipe::PassAnswer};
};

AckKiller::AckKiller(std::span<const NodeId> nodes, const Options& options)
    : random_(options.seed), kills_per_mille_(options.kills_per_mille) {
  for (const NodeId node : nodes) {
    auto door = Listener::Listen(loop_, {"127.0.0.1", 0},
                                 [this, node](int socket, std::string) { Accept(node, socket); });
    RAFTMQ_CHECK(door.has_value());
    doors_[node] = std::move(*door);
  }
  thread_ = std::thread([this] { loop_.Run(); });
}

AckKiller::~AckKiller() {
  loop_.Stop();
  thread_.join();
}

void AckKiller::OnLoop(const std::function<void()>& task) {
  std::promise<void> done;
  loop_.Post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

void AckKiller::SetAddress(NodeId node, const Address& address) {
  OnLoop([&] { addresses_[node] = address; });
}

void AckKiller::Relent() {
  OnLoop([this] { kills_per_mille_ = 0; });
}

AckKiller::Counts AckKiller::counts() {
  Counts counts;
  OnLoop([&] { counts = counts_; });
  return counts;
}

void AckKiller::Accept(NodeId node, int socket) {
  auto caller = Connection::Adopt(loop_, socket);
  if (!caller) return;
  pipes_.push_back(std::make_unique<Pipe>(*this, node, std::move(*caller)));
}

AckKiller::Fate AckKiller::DrawFate() {
  ++counts_.requests;
  if (random_.Below(1000) >= kills_per_mille_) return Fate::kPasses;
  return random_.Below(2) == 0 ? Fate::kCutBehind : Fate::kCutBefore;
}

void AckKiller::Forget(Pipe* pipe) {
  std::erase_if(pipes_, [pipe](const auto& each) { return each.get() == pipe; });
}

}  // namespace raftmq::testing
