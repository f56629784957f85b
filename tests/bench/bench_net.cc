// Frames over the loopback interface between two event loops, against a bare blocking send and recv
// of the same bytes between two threads; and the codec alone.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "protocol/net/connection.h"
#include "protocol/net/event_loop.h"
#include "protocol/types/check.h"
#include "protocol/wire/codec.h"
#include "protocol/wire/frame.h"
#include "tests/bench/bench.h"

namespace raftmq::bench {
namespace {

constexpr std::size_t kBytesPerCall = 256u << 20;

struct Sockets {
  int left = -1;
  int right = -1;
};

// Two connected TCP sockets.
Sockets ConnectedSockets() {
  Sockets sockets;
  EventLoop loop;
  const auto stop_when_both = [&] {
    if (sockets.left >= 0 && sockets.right >= 0) loop.Stop();
  };
  auto listener = Listener::Listen(loop, {"127.0.0.1", 0}, [&](int socket, std::string) {
    sockets.right = socket;
    stop_when_both();
  });
  RAFTMQ_CHECK(listener);
  auto connecting = Connection::Connect(loop, (*listener)->bound(), Milliseconds(10'000),
                                        [&](Result<std::unique_ptr<Connection>> connected) {
                                          RAFTMQ_CHECK(connected);
                                          sockets.left = (*connected)->Release();
                                          stop_when_both();
                                        });
  loop.Run();
  return sockets;
}

// The baseline: one thread sends from one buffer, the calling thread receives into another.
class BareSockets {
 public:
  explicit BareSockets(std::size_t block_bytes)
      : sockets_(ConnectedSockets()), out_(block_bytes), in_(block_bytes) {
    std::memset(out_.data(), 1, out_.size());
    for (const int socket : {sockets_.left, sockets_.right}) SetBlocking(socket);
  }
  ~BareSockets() {
    ::close(sockets_.left);
    ::close(sockets_.right);
  }

  std::uint64_t operator()() {
    std::thread sender([this] {
      for (std::size_t sent = 0; sent < kBytesPerCall; sent += out_.size()) {
        for (std::size_t at = 0; at < out_.size();) {
          const ssize_t n = ::send(sockets_.left, out_.data() + at, out_.size() - at, 0);
          RAFTMQ_CHECK(n > 0);
          at += static_cast<std::size_t>(n);
        }
      }
    });
    for (std::size_t received = 0; received < kBytesPerCall;) {
      const ssize_t n = ::recv(sockets_.right, in_.data(), in_.size(), 0);
      RAFTMQ_CHECK(n > 0);
      received += static_cast<std::size_t>(n);
    }
    sender.join();
    return kBytesPerCall;
  }

 private:
  static void SetBlocking(int socket) {
    const int flags = ::fcntl(socket, F_GETFL);
    ::fcntl(socket, F_SETFL, flags & ~O_NONBLOCK);
  }

  Sockets sockets_;
  ByteBuffer out_, in_;
};

// Sends frames with one shared attachment while there is room in the queue.
class Sender final : public ConnectionHandler {
 public:
  Sender(EventLoop& loop, int socket, std::size_t attachment_bytes)
      : connection_(std::move(*Connection::Adopt(loop, socket))),
        attachment_(SharedBytes::Copy(ByteBuffer(attachment_bytes).span())) {
    connection_->SetLowWater(kQueueBytes / 2);
    connection_->Start(*this);
  }
  void Send(std::size_t frames) {
    left_ = frames;
    OnDrained();
  }
  MutableByteSpan PrepareRead() override { return nothing_; }
  void OnRead(std::size_t) override {}
  void OnDrained() override {
    for (; left_ > 0 && connection_->queued_bytes() < kQueueBytes; --left_) {
      connection_->Write(wire::EncodeHead({left_, wire::FetchData{}}, attachment_.size()));
      connection_->Write(attachment_);
    }
  }
  void OnClosed(const Error&) override {}

 private:
  static constexpr std::size_t kQueueBytes = 4u << 20;
  std::unique_ptr<Connection> connection_;
  SharedBytes attachment_;
  std::size_t left_ = 0;
  std::array<std::byte, 1> nothing_;
};

// Cuts frames, decodes their messages and counts.
class Receiver final : public ConnectionHandler {
 public:
  Receiver(EventLoop& loop, int socket)
      : connection_(std::move(*Connection::Adopt(loop, socket))),
        reader_(wire::kFrameBytesMaxDefault) {
    connection_->Start(*this);
  }
  void Expect(std::size_t frames, std::promise<void>* done) {
    left_ = frames;
    done_ = done;
  }
  MutableByteSpan PrepareRead() override { return reader_.PrepareRead(); }
  void OnRead(std::size_t count) override {
    reader_.Commit(count);
    while (true) {
      const auto frame = reader_.Next();
      RAFTMQ_CHECK(frame);
      if (!*frame) return;
      std::uint64_t request_id = 0;
      RAFTMQ_CHECK(wire::DecodeMessage((*frame)->message(), &request_id));
      if (--left_ == 0) done_->set_value();
    }
  }
  void OnClosed(const Error&) override {}

 private:
  std::unique_ptr<Connection> connection_;
  wire::FrameReader reader_;
  std::size_t left_ = 0;
  std::promise<void>* done_ = nullptr;
};

// Sender and receiver on a loop thread each.
class Frames {
 public:
  explicit Frames(std::size_t attachment_bytes, std::size_t frames_per_call)
      : frames_per_call_(frames_per_call) {
    const Sockets sockets = ConnectedSockets();
    sender_ = std::make_unique<Sender>(sender_loop_, sockets.left, attachment_bytes);
    receiver_ = std::make_unique<Receiver>(receiver_loop_, sockets.right);
    sender_thread_ = std::thread([this] { sender_loop_.Run(); });
    receiver_thread_ = std::thread([this] { receiver_loop_.Run(); });
  }
  ~Frames() {
    sender_loop_.Stop();
    receiver_loop_.Stop();
    sender_thread_.join();
    receiver_thread_.join();
    sender_.reset();
    receiver_.reset();
  }

  void SendAll() {
    std::promise<void> done;
    receiver_loop_.Post([&] {
      receiver_->Expect(frames_per_call_, &done);
      sender_loop_.Post([this] { sender_->Send(frames_per_call_); });
    });
    done.get_future().wait();
  }

 private:
  const std::size_t frames_per_call_;
  EventLoop sender_loop_, receiver_loop_;
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Receiver> receiver_;
  std::thread sender_thread_, receiver_thread_;
};

void CompareFrames(Runner* runner, const std::string& name, std::size_t attachment_bytes) {
  BareSockets bare(attachment_bytes);
  Frames frames(attachment_bytes, kBytesPerCall / attachment_bytes);
  runner->Compare({.name = name,
                   .unit = Unit::kBytes,
                   .target = attachment_bytes >= (1u << 20) ? 0.8 : 0,
                   .baseline = [&bare] { return bare(); },
                   .measured =
                       [&frames] {
                         frames.SendAll();
                         return std::uint64_t{kBytesPerCall};
                       }});
}

// Small frames in one direction, coalesced as replies are, against the codec without the network.
void CompareSmall(Runner* runner) {
  constexpr std::size_t kFrames = 500'000;
  Frames frames(1, kFrames);
  runner->Compare(
      {.name = "net_small_frames_of_codec",
       .unit = Unit::kOperations,
       .baseline =
           [] {
             for (std::size_t i = 0; i < kFrames; ++i) {
               const auto head = wire::EncodeHead({i, wire::FetchData{}}, 1);
               std::uint64_t request_id = 0;
               Keep(wire::DecodeMessage(head.view().subspan(wire::kFrameHeaderBytes), &request_id));
             }
             return std::uint64_t{kFrames};
           },
       .measured =
           [&frames] {
             frames.SendAll();
             return std::uint64_t{kFrames};
           }});
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  raftmq::bench::Runner runner(argc, argv);
  raftmq::bench::CompareFrames(&runner, "net_frames_1MiB", 1u << 20);
  raftmq::bench::CompareFrames(&runner, "net_frames_64KiB", 64u << 10);
  raftmq::bench::CompareSmall(&runner);
}
