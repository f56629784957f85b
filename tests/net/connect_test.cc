#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "tests/net/loop_fixture.h"

namespace raftmq {
namespace {

using Outcome = std::optional<Result<std::unique_ptr<Connection>>>;

// A listening socket nobody accepts from.
class SilentPort {
 public:
  explicit SilentPort(int backlog) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), length), 0);
    if (backlog >= 0) {
      EXPECT_EQ(::listen(socket_, backlog), 0);
    }
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentPort() { ::close(socket_); }
  Address address() const { return {"127.0.0.1", port_}; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

Connection::ConnectDone Into(Outcome& outcome, int* calls = nullptr) {
  return [&outcome, calls](Result<std::unique_ptr<Connection>> result) {
    outcome.emplace(std::move(result));
    if (calls != nullptr) ++*calls;
  };
}

TEST(Connect, RefusedIsUnreachable) {
  const SilentPort port(-1);  // Bound, so that nobody else takes it, but not listening.
  EventLoop loop;
  Outcome outcome;
  int calls = 0;
  const auto connecting =
      Connection::Connect(loop, port.address(), Milliseconds(10'000), Into(outcome, &calls));
  EXPECT_FALSE(outcome) << "never from inside Connect";
  RunUntil(loop, [&] { return outcome.has_value(); });
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code, ErrorCode::kUnreachable);
  EXPECT_NE(outcome->error().message.find("ECONNREFUSED"), std::string::npos)
      << outcome->error().message;
  EXPECT_NE(outcome->error().message.find(port.address().ToString()), std::string::npos);
  EXPECT_EQ(calls, 1);
}

TEST(Connect, TimesOutWhenNobodyAnswers) {
  const SilentPort port(0);  // Its backlog of one is soon full; then the kernel drops callers.
  EventLoop loop;
  std::vector<Outcome> outcomes(4);
  std::vector<std::unique_ptr<Connection::Connecting>> connecting;
  for (Outcome& outcome : outcomes) {
    connecting.push_back(
        Connection::Connect(loop, port.address(), Milliseconds(100), Into(outcome)));
  }
  RunUntil(loop, [&] {
    return std::all_of(outcomes.begin(), outcomes.end(), [](auto& o) { return o.has_value(); });
  });
  ASSERT_FALSE(*outcomes.back());
  EXPECT_EQ(outcomes.back()->error().code, ErrorCode::kTimeout);
  EXPECT_NE(outcomes.back()->error().message.find("100 ms"), std::string::npos);
}

TEST(Connect, ResolvesNames) {
  EventLoop loop;
  Outcome outcome;
  auto listener =
      Listener::Listen(loop, Loopback(), [](int socket, std::string) { ::close(socket); });
  ASSERT_TRUE(listener);
  const Address named{"localhost", (*listener)->bound().port};
  const auto connecting = Connection::Connect(loop, named, Milliseconds(10'000), Into(outcome));
  RunUntil(loop, [&] { return outcome.has_value(); });
  ASSERT_TRUE(*outcome) << outcome->error().ToString();
  EXPECT_TRUE((**outcome)->peer_is_loopback());
}

// A label of more than 63 letters is no name: known without asking a name server.
TEST(Connect, ImpossibleNameIsUnreachable) {
  for (const std::size_t letters : {std::size_t{64}, std::size_t{300}}) {
    EventLoop loop;
    Outcome outcome;
    const Address to{std::string(letters, 'a'), 1};
    const auto connecting = Connection::Connect(loop, to, Milliseconds(60'000), Into(outcome));
    EXPECT_FALSE(outcome) << "never from inside Connect";
    RunUntil(loop, [&] { return outcome.has_value(); });
    ASSERT_FALSE(*outcome);
    EXPECT_EQ(outcome->error().code, ErrorCode::kUnreachable);
    EXPECT_NE(outcome->error().message.find(to.host), std::string::npos);
  }
}

TEST(Connect, DestroyedAttemptsStaySilent) {
  const SilentPort port(8);
  EventLoop loop;
  const auto never = [](Result<std::unique_ptr<Connection>>) { FAIL(); };
  for (const Address& to : {port.address(), Address{"localhost", port.address().port}}) {
    Connection::Connect(loop, to, Milliseconds(1), never).reset();
  }
  Timer timer(loop);
  bool done = false;
  timer.Start(Milliseconds(20), [&] { done = true; });
  RunUntil(loop, [&] { return done; });
}

TEST(Connect, DoneMayDestroyTheAttempt) {
  const SilentPort port(8);
  EventLoop loop;
  std::unique_ptr<Connection::Connecting> connecting;
  std::unique_ptr<Connection> connection;
  connecting = Connection::Connect(loop, port.address(), Milliseconds(10'000), [&](auto outcome) {
    ASSERT_TRUE(outcome);
    connection = std::move(*outcome);
    connecting.reset();
  });
  RunUntil(loop, [&] { return connection != nullptr; });
  EXPECT_EQ(connecting, nullptr);
}

}  // namespace
}  // namespace raftmq
