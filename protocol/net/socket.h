// Socket descriptors and addresses as the system calls want them; no event loop in here.
#pragma once

#include <sys/socket.h>

#include <string>
#include <utility>
#include <vector>

#include "protocol/net/address.h"
#include "protocol/types/clock.h"
#include "raftmq/result.h"

struct addrinfo;

namespace raftmq {

// Owns a descriptor. Move-only.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket() { Close(); }
  Socket(Socket&& other) noexcept : descriptor_(other.Release()) {}
  Socket& operator=(Socket&& other) noexcept {
    Close();
    descriptor_ = other.Release();
    return *this;
  }

  int get() const { return descriptor_; }
  bool IsOpen() const { return descriptor_ >= 0; }
  int Release() { return std::exchange(descriptor_, -1); }
  void Close();

 private:
  int descriptor_ = -1;
};

// An address as the kernel wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// The addresses of a name or a numeric host. `numeric_only` never blocks: it only parses.
// Errors: kUnreachable (unknown name), kInvalidArgument (numeric_only and not numeric).
Result<std::vector<SocketAddress>> Resolve(const Address& address, bool numeric_only);
// Copies out what getaddrinfo found; `list` stays the caller's.
std::vector<SocketAddress> ToSocketAddresses(const addrinfo* list);
Address ToAddress(const SocketAddress& address);

Result<SocketAddress> LocalAddress(int socket);
Result<SocketAddress> PeerAddress(int socket);

// Non-blocking, closed on exec. Errors: kUnreachable.
Result<Socket> OpenStream(int family);
// Nagle's algorithm off: a turn's output leaves in one write anyway. Other sockets than TCP (tests)
// have no such option.
void SetNoDelay(int socket);
// See Connection::SetSilenceMax.
void SetSilenceMax(int socket, Milliseconds silence_max);
// The error that the kernel keeps for a socket (0 if none); asking clears it.
int TakeSocketError(int socket);
// "Connection refused (ECONNREFUSED)".
std::string ErrnoText(int error);

}  // namespace raftmq
