#include "tests/bench/relay/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "protocol/types/hash.h"
#include "tests/bench/bench.h"
#include "tests/bench/relay/relay_replica.h"

namespace raftmq::bench {
namespace {

struct Sockets {
  int left = -1;
  int right = -1;
};

void SetNoDelay(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// Two ends of one TCP connection.
Sockets ConnectedSockets() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  socklen_t length = sizeof address;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  RAFTMQ_CHECK(bind(listener, any, length) == 0);
  RAFTMQ_CHECK(listen(listener, 1) == 0);
  RAFTMQ_CHECK(getsockname(listener, any, &length) == 0);
  Sockets sockets{.left = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  RAFTMQ_CHECK(connect(sockets.left, any, length) == 0);
  sockets.right = accept(listener, nullptr, nullptr);
  RAFTMQ_CHECK(sockets.right >= 0);
  SetNoDelay(sockets.left);
  SetNoDelay(sockets.right);
  close(listener);
  return sockets;
}

pid_t Fork(const RelayReplica::Options& options) {
  const pid_t pid = fork();
  RAFTMQ_CHECK(pid >= 0);
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  RelayReplica(options).Run();
  _exit(0);
}

void CloseAll(std::initializer_list<int> sockets) {
  for (const int socket : sockets) close(socket);
}

}  // namespace

Relay::Relay(const std::string& directory, std::size_t payload_bytes) : block_(payload_bytes) {
  std::memset(block_.payload(), 'x', payload_bytes);
  block_.head() = {.bytes = payload_bytes};
  const Sockets client = ConnectedSockets();
  const Sockets first = ConnectedSockets();
  const Sockets second = ConnectedSockets();
  const auto options = [&](const char* name, int source, std::vector<int> followers) {
    return RelayReplica::Options{
        .path = directory + "/" + name + "-" + std::to_string(payload_bytes),
        .payload_bytes = payload_bytes,
        .source = source,
        .followers = std::move(followers)};
  };
  leader_ = client.left;
  replicas_ = {Fork(options("relay-1", first.right, {})),
               Fork(options("relay-2", second.right, {})),
               Fork(options("relay-0", client.right, {first.left, second.left}))};
  TakeAck();  // All are ready.
  CloseAll({client.right, first.left, first.right, second.left, second.right});
}

Relay::~Relay() {
  close(leader_);
  for (const pid_t replica : replicas_) kill(replica, SIGKILL);
  for (const pid_t replica : replicas_) waitpid(replica, nullptr, 0);
}

std::uint64_t Relay::Send(std::uint64_t frames, std::size_t in_flight) {
  const RelayAck end = sent_ + frames;
  while (acked_ < end) {
    if (sent_ < end && sent_ - acked_ < in_flight) {
      SendFrame();
    } else {
      TakeAck();
    }
  }
  return frames * block_.payload_bytes();
}

void Relay::SendFrame() {
  block_.head().hash = Hash64({block_.payload(), block_.payload_bytes()});
  for (std::size_t sent = 0; sent < block_.frame_bytes();) {
    const ssize_t count =
        send(leader_, block_.frame() + sent, block_.frame_bytes() - sent, MSG_NOSIGNAL);
    RAFTMQ_CHECK(count > 0);
    sent += static_cast<std::size_t>(count);
  }
  ++sent_;
}

void Relay::TakeAck() {
  RAFTMQ_CHECK(recv(leader_, &acked_, sizeof acked_, MSG_WAITALL) == sizeof acked_);
}

double Relay::CpuSeconds() const {
  double seconds = 0;
  for (const pid_t replica : replicas_) seconds += CpuSecondsOf(replica);
  return seconds;
}

}  // namespace raftmq::bench
