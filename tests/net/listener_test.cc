#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "tests/net/loop_fixture.h"

namespace raftmq {
namespace {

TEST(Listener, TakesAFreePortAndSaysWhich) {
  EventLoop loop;
  const auto listener = Listener::Listen(loop, Loopback(), [](int, std::string) {});
  ASSERT_TRUE(listener);
  EXPECT_EQ((*listener)->bound().host, "127.0.0.1");
  EXPECT_NE((*listener)->bound().port, 0);
}

TEST(Listener, PortInUseIsAnError) {
  EventLoop loop;
  const auto first = Listener::Listen(loop, Loopback(), [](int, std::string) {});
  ASSERT_TRUE(first);
  const auto second = Listener::Listen(loop, (*first)->bound(), [](int, std::string) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnreachable);
  EXPECT_NE(second.error().message.find("EADDRINUSE"), std::string::npos);
  EXPECT_NE(second.error().message.find((*first)->bound().ToString()), std::string::npos);
}

TEST(Listener, CallbackMayDestroyTheListener) {
  EventLoop loop;
  std::unique_ptr<Listener> listener;
  listener = std::move(*Listener::Listen(loop, Loopback(), [&](int socket, std::string) {
    ::close(socket);
    listener.reset();
  }));
  std::vector<std::unique_ptr<Connection::Connecting>> connecting;
  for (int i = 0; i < 3; ++i) {
    connecting.push_back(
        Connection::Connect(loop, listener->bound(), Milliseconds(10'000), [](auto) {}));
  }
  RunUntil(loop, [&] { return listener == nullptr; });
}

// Keeps the process from opening any further descriptor.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);
    ::close(next);
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(next);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
  }
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Listener, WithoutDescriptorsItTurnsOneAwayAndServesTheOthersLater) {
  constexpr int kCallers = 5;
  EventLoop loop;
  std::vector<int> accepted;
  auto listener = Listener::Listen(loop, Loopback(),
                                   [&](int socket, std::string) { accepted.push_back(socket); });
  ASSERT_TRUE(listener);

  // All callers are in the backlog before the loop runs and the descriptors are gone.
  std::vector<int> callers;
  for (int i = 0; i < kCallers; ++i) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons((*listener)->bound().port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    callers.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(::connect(callers.back(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  auto starving = std::make_unique<NoMoreDescriptors>();
  int turns = 0;
  Timer relief(loop);
  relief.Start(Milliseconds(50), [&] {
    EXPECT_TRUE(accepted.empty());
    EXPECT_LT(turns, 20) << "it does not spin";
    starving.reset();
  });
  RunUntil(loop, [&] {
    ++turns;
    return accepted.size() == kCallers - 1;
  });
  char byte;
  EXPECT_EQ(::recv(callers.front(), &byte, 1, 0), 0) << "the first caller was turned away";
  for (const int socket : callers) ::close(socket);
  for (const int socket : accepted) ::close(socket);
}

}  // namespace
}  // namespace raftmq
