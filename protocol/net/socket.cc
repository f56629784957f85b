#include "protocol/net/socket.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace raftmq {

void Socket::Close() {
  if (descriptor_ >= 0) ::close(Release());
}

Result<std::vector<SocketAddress>> Resolve(const Address& address, bool numeric_only) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : 0);
  addrinfo* list = nullptr;
  const std::string port = std::to_string(address.port);
  if (const int code = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &list);
      code != 0) {
    return Fail(numeric_only ? ErrorCode::kInvalidArgument : ErrorCode::kUnreachable,
                fmt::format("expected a host that can be resolved, found '{}': {}", address.host,
                            ::gai_strerror(code)));
  }
  std::vector<SocketAddress> found = ToSocketAddresses(list);
  ::freeaddrinfo(list);
  return found;
}

std::vector<SocketAddress> ToSocketAddresses(const addrinfo* list) {
  std::vector<SocketAddress> found;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    SocketAddress& address = found.emplace_back();
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    address.length = each->ai_addrlen;
  }
  return found;
}

Address ToAddress(const SocketAddress& address) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(address.get(), address.length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {"unknown", 0};  // A socket pair of a test.
  }
  return {host, static_cast<std::uint16_t>(std::stoul(port))};
}

namespace {

using NameCall = int (*)(int, sockaddr*, socklen_t*);

Result<SocketAddress> AskName(NameCall call, int socket, const char* which) {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (call(socket, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) {
    const int error = errno;
    return Fail(ErrorCode::kDisconnected,
                fmt::format("expected the {} address of socket {}, found: {}", which, socket,
                            ErrnoText(error)));
  }
  return address;
}

}  // namespace

Result<SocketAddress> LocalAddress(int socket) { return AskName(&::getsockname, socket, "local"); }
Result<SocketAddress> PeerAddress(int socket) { return AskName(&::getpeername, socket, "peer"); }

Result<Socket> OpenStream(int family) {
  Socket socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.IsOpen()) {
    const int error = errno;
    return Fail(ErrorCode::kUnreachable, "cannot open a socket: " + ErrnoText(error));
  }
  return socket;
}

void SetNoDelay(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void SetSilenceMax(int socket, Milliseconds silence_max) {
  const auto set = [socket](int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof value);
  };
  const int seconds = std::max(1, static_cast<int>(silence_max.count() / 1000 / 2));
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, seconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, 2);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(silence_max.count()));
}

int TakeSocketError(int socket) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

std::string ErrnoText(int error) {
  const char* name = ::strerrorname_np(error);
  return fmt::format("{} ({})", ::strerrordesc_np(error) ? ::strerrordesc_np(error) : "error",
                     name ? name : std::to_string(error));
}

}  // namespace raftmq
