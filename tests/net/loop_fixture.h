// Loops, connected pairs and handlers for the tests of net. Nothing sleeps: a loop runs until the
// test has what it waits for, and CTest's timeout ends a test that waits in vain.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "protocol/net/connection.h"
#include "protocol/net/event_loop.h"

namespace raftmq {

// Keeps what it reads; does what the test tells it to in its hooks, after its own work.
class RecordingHandler : public ConnectionHandler {
 public:
  MutableByteSpan PrepareRead() override {
    if (on_prepare) on_prepare();
    return room_.span().first(std::min(room_.size(), room_bytes));
  }
  void OnRead(std::size_t count) override {
    received.append(AsText(room_.span().first(count)));
    ++reads;
    if (on_read) on_read();
  }
  void OnDrained() override {
    ++drained;
    if (on_drained) on_drained();
  }
  void OnClosed(const Error& reason) override {
    closed = reason;
    if (on_closed) on_closed();
  }

  std::function<void()> on_prepare, on_read, on_drained, on_closed;
  std::string received;
  std::optional<Error> closed;
  int reads = 0;
  int drained = 0;
  std::size_t room_bytes = ~std::size_t{0};

 private:
  ByteBuffer room_{64 << 10};
};

inline SharedBytes Bytes(std::string_view text) { return SharedBytes::Copy(AsBytes(text)); }

// A pattern in which every displacement shows.
inline std::string Pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  std::uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  return text;
}

inline Address Loopback() { return {"127.0.0.1", 0}; }

// Runs the loop on a thread of its own; stops and joins it at the end.
class LoopThread {
 public:
  LoopThread() : thread_([this] { loop.Run(); }) {}
  ~LoopThread() {
    loop.Stop();
    thread_.join();
  }
  EventLoop loop;

 private:
  std::thread thread_;
};

// Runs turns until `is_done` holds at the end of one. Once per loop.
inline void RunUntil(EventLoop& loop, std::function<bool()> is_done) {
  loop.SetTurnEnd([&loop, is_done = std::move(is_done)] {
    if (is_done()) loop.Stop();
  });
  loop.Run();
}

// Two connected TCP sockets on the loopback interface.
struct SocketPair {
  SocketPair() {
    EventLoop loop;
    auto listener =
        Listener::Listen(loop, Loopback(), [&](int socket, std::string) { second = socket; });
    EXPECT_TRUE(listener);
    auto connecting = Connection::Connect(loop, (*listener)->bound(), Milliseconds(10'000),
                                          [&](Result<std::unique_ptr<Connection>> outcome) {
                                            ASSERT_TRUE(outcome) << outcome.error().ToString();
                                            first = (*outcome)->Release();
                                          });
    RunUntil(loop, [&] { return first >= 0 && second >= 0; });
  }
  int first = -1;
  int second = -1;
};

// Two connections to each other on one loop, not yet started.
struct ConnectionPair {
  explicit ConnectionPair(EventLoop& loop) {
    const SocketPair sockets;
    left = std::move(*Connection::Adopt(loop, sockets.first));
    right = std::move(*Connection::Adopt(loop, sockets.second));
  }
  std::unique_ptr<Connection> left, right;
};

}  // namespace raftmq
