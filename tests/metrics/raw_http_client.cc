#include "tests/metrics/raw_http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "protocol/types/check.h"

namespace raftmq {

RawHttpClient::RawHttpClient(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
  RAFTMQ_CHECK(socket_ >= 0);
  const timeval wait{.tv_sec = 20, .tv_usec = 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  RAFTMQ_CHECK(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

RawHttpClient::~RawHttpClient() { close(socket_); }

bool RawHttpClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string RawHttpClient::ReadToEnd() {
  std::string all;
  std::array<char, 65536> chunk;
  while (true) {
    const ssize_t got = recv(socket_, chunk.data(), chunk.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) timed_out_ = true;
    if (got <= 0) return all;
    all.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

std::string Exchange(std::uint16_t port, std::string_view request) {
  RawHttpClient client(port);
  client.Send(request);
  return client.ReadToEnd();
}

int StatusOf(std::string_view answer) {
  constexpr std::string_view kPrefix = "HTTP/1.1 ";
  if (!answer.starts_with(kPrefix)) return 0;
  return std::atoi(std::string(answer.substr(kPrefix.size(), 3)).c_str());
}

}  // namespace raftmq
