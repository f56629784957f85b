#include "protocol/net/connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/net/loop_fixture.h"

namespace raftmq {
namespace {

TEST(Connection, EchoesManyMegabytes) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client, server;
  server.on_read = [&] {
    pair.right->Write(Bytes(server.received));
    server.received.clear();
  };
  const std::string sent = Pattern(32u << 20);
  for (std::size_t at = 0; at < sent.size(); at += 1u << 20) {
    pair.left->Write(Bytes(std::string_view(sent).substr(at, 1u << 20)));
  }
  pair.left->Start(client);
  pair.right->Start(server);
  RunUntil(loop, [&] { return client.received.size() >= sent.size(); });
  EXPECT_TRUE(client.received == sent);
  EXPECT_EQ(pair.left->queued_bytes(), 0u);
}

TEST(Connection, ManySmallWritesArriveInOrder) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client, server;
  std::string sent;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = std::to_string(i) + ",";
    pair.left->Write(Bytes(text));
    sent += text;
  }
  EXPECT_EQ(pair.left->queued_bytes(), sent.size());
  pair.left->Start(client);
  pair.right->Start(server);
  RunUntil(loop, [&] { return server.received.size() >= sent.size(); });
  EXPECT_TRUE(server.received == sent);
}

// Its window is full and stays so: as behind a cut that nobody tells of.
TEST(Connection, APeerThatTakesNothingIsGivenUpAfterTheSilence) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client;
  pair.left->SetSilenceMax(Milliseconds(1'000));
  pair.left->Start(client);
  for (int i = 0; i < 32; ++i) pair.left->Write(Bytes(Pattern(1u << 20)));
  RunUntil(loop, [&] { return client.closed.has_value(); });
  EXPECT_EQ(client.closed->code, ErrorCode::kDisconnected);
}

TEST(Connection, BytesStayAliveUntilWrittenAndNoLonger) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client, server;
  const auto owner = std::make_shared<std::string>(Pattern(8u << 20));
  pair.left->Write(SharedBytes(owner, AsBytes(*owner)));
  EXPECT_EQ(owner.use_count(), 2);
  pair.left->Start(client);
  pair.right->Start(server);
  RunUntil(loop, [&] { return server.received.size() == owner->size(); });
  EXPECT_EQ(owner.use_count(), 1);
}

TEST(Connection, WritesOfOneTurnLeaveTogetherAtItsEnd) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client, server;
  pair.left->Start(client);
  pair.right->Start(server);
  loop.Post([&] {
    for (const char* text : {"one ", "two ", "three"}) pair.left->Write(Bytes(text));
  });
  loop.Post([&] { EXPECT_EQ(pair.left->queued_bytes(), 13u) << "nothing leaves within the turn"; });
  RunUntil(loop, [&] { return !server.received.empty(); });
  EXPECT_EQ(server.received, "one two three");
  EXPECT_EQ(server.reads, 1);
}

TEST(Connection, PausedReadingHoldsTheWriterBack) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client, server;
  pair.left->Start(client);
  pair.right->Start(server);
  pair.right->PauseReading();
  const std::string sent = Pattern(64u << 20);
  pair.left->Write(Bytes(sent));
  Timer later(loop);
  std::size_t queued_while_paused = 0;
  later.Start(Milliseconds(100), [&] {
    queued_while_paused = pair.left->queued_bytes();
    EXPECT_TRUE(server.received.empty());
    pair.right->ResumeReading();
  });
  RunUntil(loop, [&] { return server.received.size() == sent.size(); });
  EXPECT_GT(queued_while_paused, sent.size() / 2);
  EXPECT_TRUE(server.received == sent);
}

TEST(Connection, PausingInsideOnReadStopsAtOnce) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client, server;
  server.room_bytes = 10;
  server.on_read = [&] { pair.right->PauseReading(); };
  pair.left->Start(client);
  pair.right->Start(server);
  pair.left->Write(Bytes(std::string(1000, 'x')));
  Timer later(loop);
  bool done = false;
  later.Start(Milliseconds(30), [&] { done = true; });
  RunUntil(loop, [&] { return done; });
  EXPECT_EQ(server.received.size(), 10u);
}

TEST(Connection, OnDrainedComesWhenTheQueueFallsToTheLowWaterMark) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client, server;
  constexpr std::size_t kLow = 1u << 20;
  std::size_t total = 0;
  pair.left->SetLowWater(kLow);
  const auto fill = [&] {
    for (; total < (64u << 20) && pair.left->queued_bytes() < 4 * kLow; total += 1u << 20) {
      pair.left->Write(Bytes(std::string(1u << 20, 'x')));
    }
  };
  client.on_drained = [&] {
    EXPECT_LE(pair.left->queued_bytes(), kLow);
    fill();
  };
  pair.left->Start(client);
  pair.right->Start(server);
  fill();
  RunUntil(loop, [&] { return server.received.size() == (64u << 20); });
  EXPECT_GE(client.drained, 10);
}

TEST(Connection, HookRunsAfterOnDrained) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client, server;
  pair.left->Start(client);
  pair.left->Write(Bytes("x"));
  int drained_at_last_hook = 0;
  RunUntil(loop, [&] {
    drained_at_last_hook = client.drained;
    return drained_at_last_hook == 1;
  });
  EXPECT_EQ(drained_at_last_hook, 1);
}

TEST(Connection, PeerThatClosesItsHalfIsAnsweredOnceMore) {
  EventLoop loop;
  const SocketPair sockets;
  auto server_side = std::move(*Connection::Adopt(loop, sockets.second));
  RecordingHandler server;
  server.on_read = [&] { server_side->Write(Bytes("answer")); };
  server_side->Start(server);
  ASSERT_EQ(::send(sockets.first, "question", 8, 0), 8);
  ASSERT_EQ(::shutdown(sockets.first, SHUT_WR), 0);
  RunUntil(loop, [&] { return server.closed.has_value(); });
  EXPECT_EQ(server.received, "question");
  EXPECT_EQ(server.closed->code, ErrorCode::kDisconnected);
  char answer[16];
  EXPECT_EQ(::recv(sockets.first, answer, sizeof answer, 0), 6);
  EXPECT_EQ(::recv(sockets.first, answer, sizeof answer, 0), 0);
  ::close(sockets.first);
}

TEST(Connection, ResetIsReported) {
  EventLoop loop;
  const SocketPair sockets;
  auto connection = std::move(*Connection::Adopt(loop, sockets.second));
  RecordingHandler handler;
  connection->Start(handler);
  const linger now{1, 0};
  ::setsockopt(sockets.first, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(sockets.first);
  RunUntil(loop, [&] { return handler.closed.has_value(); });
  EXPECT_EQ(handler.closed->code, ErrorCode::kDisconnected);
  EXPECT_NE(handler.closed->message.find("ECONNRESET"), std::string::npos)
      << handler.closed->message;
}

TEST(Connection, WriteToAPeerThatHasGoneEndsTheConnection) {
  EventLoop loop;
  const SocketPair sockets;
  auto connection = std::move(*Connection::Adopt(loop, sockets.second));
  RecordingHandler handler;
  connection->Start(handler);
  connection->PauseReading();
  ::close(sockets.first);
  handler.on_drained = [&] { connection->Write(Bytes(std::string(100'000, 'x'))); };
  connection->Write(Bytes("x"));
  RunUntil(loop, [&] { return handler.closed.has_value(); });
  EXPECT_EQ(handler.closed->code, ErrorCode::kDisconnected);
}

TEST(Connection, BrokenBeforeStartIsReportedAfterIt) {
  EventLoop loop;
  const SocketPair sockets;
  auto connection = std::move(*Connection::Adopt(loop, sockets.second));
  ::close(sockets.first);
  RecordingHandler handler;
  for (int i = 0; i < 3; ++i) {  // The first write is answered by a reset, a later one finds it.
    loop.Post(
        [&loop, &connection] { loop.Post([&connection] { connection->Write(Bytes("x")); }); });
  }
  Timer later(loop);
  later.Start(Milliseconds(5), [&] {
    connection->Start(handler);
    EXPECT_FALSE(handler.closed) << "never from inside Start";
  });
  RunUntil(loop, [&] { return handler.closed.has_value(); });
  EXPECT_EQ(handler.closed->code, ErrorCode::kDisconnected);
}

TEST(Connection, CloseWritesWhatIsQueuedThenReportsItsReason) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client, server;
  pair.left->Start(client);
  pair.right->Start(server);
  const std::string sent = Pattern(16u << 20);
  loop.Post([&] {
    pair.left->Write(Bytes(sent));
    pair.left->Close({ErrorCode::kBadFrame, "enough"}, Milliseconds(60'000));
    pair.left->Write(Bytes("dropped"));
    EXPECT_FALSE(client.closed) << "never from inside Close";
  });
  server.on_closed = [&] { pair.right.reset(); };
  RunUntil(loop, [&] { return client.closed && server.closed; });
  EXPECT_TRUE(server.received == sent);
  EXPECT_EQ(client.closed, (Error{ErrorCode::kBadFrame, "enough"}));
}

TEST(Connection, LastWordsSurviveUnreadInput) {
  EventLoop loop;
  const SocketPair sockets;
  auto connection = std::move(*Connection::Adopt(loop, sockets.second));
  RecordingHandler handler;
  handler.room_bytes = 100;
  handler.on_read = [&] {
    connection->Write(Bytes("BAD_FRAME"));
    connection->Close({ErrorCode::kBadFrame, "bad"}, Milliseconds(60'000));
  };
  connection->Start(handler);
  const std::string noise(50'000, 'x');
  ASSERT_EQ(::send(sockets.first, noise.data(), noise.size(), 0), 50'000);
  ASSERT_EQ(::shutdown(sockets.first, SHUT_WR), 0);
  RunUntil(loop, [&] { return handler.closed.has_value(); });
  char words[16];
  EXPECT_EQ(::recv(sockets.first, words, sizeof words, 0), 9) << "not a reset";
  ::close(sockets.first);
}

TEST(Connection, CloseIsBoundedByItsLinger) {
  EventLoop loop;
  ConnectionPair pair(loop);  // The right side never reads.
  RecordingHandler client;
  pair.left->Start(client);
  pair.left->Write(Bytes(std::string(64u << 20, 'x')));
  pair.left->Close({ErrorCode::kDraining, "bye"}, Milliseconds(50));
  RunUntil(loop, [&] { return client.closed.has_value(); });
  EXPECT_EQ(client.closed->code, ErrorCode::kDraining);
}

TEST(Connection, CloseWithoutLingerDropsTheQueue) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client, server;
  pair.left->Start(client);
  pair.right->Start(server);
  pair.left->Write(Bytes("dropped"));
  pair.left->Close({ErrorCode::kDraining, "bye"}, Milliseconds(0));
  RunUntil(loop, [&] { return client.closed && server.closed; });
  EXPECT_EQ(client.closed->code, ErrorCode::kDraining);
  EXPECT_EQ(server.received, "");
}

// The handler may destroy the connection inside any of its calls.
struct DestroyCase {
  const char* name;
  std::function<void()> RecordingHandler::*hook;
};
class ConnectionDestroyed : public testing::TestWithParam<DestroyCase> {};

TEST_P(ConnectionDestroyed, InsideACallback) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client, server;
  bool destroyed = false;
  server.*GetParam().hook = [&] {
    pair.right.reset();
    destroyed = true;
  };
  pair.left->Start(client);
  pair.right->Start(server);
  pair.left->Write(Bytes(std::string(500'000, 'x')));
  pair.right->Write(Bytes("y"));
  if (GetParam().hook == &RecordingHandler::on_closed) {
    pair.left->Close({ErrorCode::kCancelled, ""}, Milliseconds(10'000));
  }
  RunUntil(loop, [&] { return destroyed; });
  EXPECT_EQ(pair.right, nullptr);
}

INSTANTIATE_TEST_SUITE_P(All, ConnectionDestroyed,
                         testing::Values(DestroyCase{"PrepareRead", &RecordingHandler::on_prepare},
                                         DestroyCase{"OnRead", &RecordingHandler::on_read},
                                         DestroyCase{"OnDrained", &RecordingHandler::on_drained},
                                         DestroyCase{"OnClosed", &RecordingHandler::on_closed}),
                         [](const auto& each) { return each.param.name; });

TEST(Connection, DestroyedWithOutputQueuedAndBeforeItsLoopRan) {
  EventLoop loop;
  ConnectionPair pair(loop);
  RecordingHandler client;
  pair.left->Start(client);
  pair.left->Write(Bytes("x"));
  pair.left->Close({ErrorCode::kCancelled, ""});
  pair.left.reset();
  loop.Stop();
  loop.Run();
  EXPECT_FALSE(client.closed);
}

TEST(Connection, OneBusyConnectionDoesNotStarveAnother) {
  EventLoop loop;
  ConnectionPair busy(loop), quiet(loop);
  RecordingHandler writer, reader, other;
  busy.left->Start(writer);
  busy.right->Start(reader);
  quiet.right->Start(other);
  writer.on_drained = [&] { busy.left->Write(Bytes(std::string(1u << 20, 'x'))); };
  busy.left->Write(Bytes("x"));
  loop.Post([&] { quiet.left->Write(Bytes("still here")); });
  RunUntil(loop, [&] { return !other.received.empty(); });
  EXPECT_LT(reader.received.size(), 512u << 20);
}

TEST(Connection, KnowsItsPeer) {
  EventLoop loop;
  ConnectionPair pair(loop);
  EXPECT_EQ(pair.left->peer().rfind("127.0.0.1:", 0), 0u) << pair.left->peer();
  EXPECT_TRUE(pair.left->peer_is_loopback());
}

}  // namespace
}  // namespace raftmq
