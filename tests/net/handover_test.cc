#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/net/loop_fixture.h"

namespace raftmq {
namespace {

// The hello of a connection is read on one loop, the rest on another in another thread.
TEST(Handover, ConnectionMovesToAnotherLoopWithoutLosingABytes) {
  const SocketPair sockets;
  std::promise<std::string> rest;
  std::unique_ptr<Connection> adopted;
  RecordingHandler second;
  const std::string body = Pattern(4u << 20);
  {
    LoopThread other;
    EventLoop loop;
    auto client = std::move(*Connection::Adopt(loop, sockets.first));
    auto server = std::move(*Connection::Adopt(loop, sockets.second));
    RecordingHandler client_handler, first;
    first.room_bytes = 5;
    first.on_read = [&] {
      const int descriptor = server->Release();
      ASSERT_GE(descriptor, 0);
      EXPECT_EQ(server->Release(), -1);
      other.loop.Post([&, descriptor] {
        adopted = std::move(*Connection::Adopt(other.loop, descriptor));
        second.on_read = [&] {
          if (second.received.size() < body.size()) return;
          adopted->Write(Bytes("thanks"));
        };
        adopted->Start(second);
      });
    };
    client->Start(client_handler);
    server->Start(first);
    client->Write(Bytes("hello" + body));
    RunUntil(loop, [&] { return client_handler.received == "thanks"; });
    EXPECT_EQ(first.received, "hello");
    EXPECT_FALSE(first.closed) << "a released connection says nothing more";
    std::promise<void> gone;
    other.loop.Post([&] {
      adopted.reset();
      gone.set_value();
    });
    gone.get_future().wait();
  }
  EXPECT_TRUE(second.received == body);
}

TEST(Handover, AdoptRefusesADescriptorThatIsNoConnection) {
  EventLoop loop;
  const int no_socket = ::dup(0);
  const auto adopted = Connection::Adopt(loop, no_socket);
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().code, ErrorCode::kDisconnected);
}

}  // namespace
}  // namespace raftmq
