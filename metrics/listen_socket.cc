#include "metrics/listen_socket.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace raftmq {
namespace {

constexpr int kBacklog = 128;

// A socket address of either family and its length.
struct NumericAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

std::optional<NumericAddress> ReadAddress(const std::string& host, std::uint16_t port) {
  NumericAddress address;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.length = sizeof v4;
    return address;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.length = sizeof v6;
    return address;
  }
  return std::nullopt;
}

std::uint16_t PortOf(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
}

// Binds and listens; false with errno set if one step fails.
bool BindAndListen(int descriptor, NumericAddress* address) {
  const int yes = 1;
  if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) return false;
  if (bind(descriptor, address->raw(), address->length) != 0) return false;
  if (listen(descriptor, kBacklog) != 0) return false;
  address->length = sizeof address->storage;
  return getsockname(descriptor, address->raw(), &address->length) == 0;
}

}  // namespace

Result<ListenSocket> OpenListenSocket(const std::string& host, std::uint16_t port) {
  auto address = ReadAddress(host == "localhost" ? "127.0.0.1" : host, port);
  if (!address) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("http: expected a numeric address such as 127.0.0.1 or ::1, found '{}'", host));
  }
  const int descriptor =
      socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0 || !BindAndListen(descriptor, &*address)) {
    const int cause = errno;
    if (descriptor >= 0) close(descriptor);
    return Fail(ErrorCode::kIoError,
                fmt::format("http: cannot listen on {}:{}: {}", host, port, std::strerror(cause)));
  }
  return ListenSocket{descriptor, PortOf(address->storage)};
}

}  // namespace raftmq
