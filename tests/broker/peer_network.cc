#include "tests/broker/peer_network.h"

#include <array>
#include <future>
#include <utility>

#include "protocol/types/bytes.h"
#include "protocol/types/check.h"

namespace raftmq::testing {
namespace {

constexpr Milliseconds kConnectTimeout{1'000};

}  // namespace

// A connection of one broker to another, passed on in both directions while the way is not cut.
class PeerNetwork::Pipe {
 public:
  Pipe(PeerNetwork& network, const Way& way, std::unique_ptr<Connection> caller)
      : network_(network), way_(way) {
    ends_[0].connection = std::move(caller);
    Obey();
  }

  // Connects or goes on if the way is open, stands still if it is cut.
  void Obey() {
    const bool is_cut = network_.IsCut(way_);
    for (End& end : ends_) {
      if (!end.connection || !ends_[1].connection) continue;
      is_cut ? end.connection->PauseReading() : end.connection->ResumeReading();
    }
    if (is_cut || ends_[1].connection || connecting_) return;
    connecting_ =
        Connection::Connect(network_.loop_, network_.addresses_.at(way_.second), kConnectTimeout,
                            [this](Result<std::unique_ptr<Connection>> called) {
                              if (!called) return Finish();
                              ends_[1].connection = std::move(*called);
                              for (std::size_t i = 0; i < ends_.size(); ++i)
                                ends_[i].Start(*this, ends_[1 - i]);
                              Obey();
                            });
  }

 private:
  struct End final : ConnectionHandler {
    void Start(Pipe& its_pipe, End& its_other) {
      pipe = &its_pipe;
      other = &its_other;
      connection->Start(*this);
    }
    MutableByteSpan PrepareRead() override { return block; }
    void OnRead(std::size_t count) override {
      other->connection->Write(SharedBytes::Copy(ByteSpan(block).first(count)));
    }
    void OnClosed(const Error&) override { pipe->Finish(); }

    Pipe* pipe = nullptr;
    End* other = nullptr;
    std::unique_ptr<Connection> connection;
    std::array<std::byte, 64u << 10> block;
  };

  // One side has gone: the other goes as well.
  void Finish() {
    if (std::exchange(is_over_, true)) return;
    network_.loop_.Post([&network = network_, this] { network.Forget(this); });
  }

  PeerNetwork& network_;
  const Way way_;
  bool is_over_ = false;
  std::unique_ptr<Connection::Connecting> connecting_;
  std::array<End, 2> ends_;  // The caller's, the called one's.
};

PeerNetwork::PeerNetwork(std::span<const NodeId> nodes) {
  for (const NodeId from : nodes) {
    for (const NodeId to : nodes) {
      const Way way{from, to};
      auto door = Listener::Listen(loop_, {"127.0.0.1", 0},
                                   [this, way](int socket, std::string) { Accept(way, socket); });
      RAFTMQ_CHECK(door.has_value());
      doors_[way] = std::move(*door);
    }
  }
  thread_ = std::thread([this] { loop_.Run(); });
}

PeerNetwork::~PeerNetwork() {
  loop_.Stop();
  thread_.join();
}

void PeerNetwork::OnLoop(const std::function<void()>& task) {
  std::promise<void> done;
  loop_.Post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

void PeerNetwork::SetAddress(NodeId node, const Address& address) {
  OnLoop([&] { addresses_[node] = address; });
}

void PeerNetwork::Split(std::set<NodeId> nodes) {
  OnLoop([&] {
    side_ = std::move(nodes);
    for (const auto& pipe : pipes_) pipe->Obey();
  });
}

void PeerNetwork::Accept(const Way& way, int socket) {
  auto caller = Connection::Adopt(loop_, socket);
  if (!caller) return;
  pipes_.push_back(std::make_unique<Pipe>(*this, way, std::move(*caller)));
}

bool PeerNetwork::IsCut(const Way& way) const {
  return side_.contains(way.first) != side_.contains(way.second);
}

void PeerNetwork::Forget(Pipe* pipe) {
  std::erase_if(pipes_, [pipe](const auto& each) { return each.get() == pipe; });
}

}  // namespace raftmq::testing
