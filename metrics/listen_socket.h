// A listening TCP socket on a numeric address, with errors that name the address.
#pragma once

#include <cstdint>
#include <string>

#include "raftmq/result.h"

namespace raftmq {

struct ListenSocket {
  int descriptor = -1;
  std::uint16_t port = 0;  // As bound: never 0.
};

// Opens a non-blocking, close-on-exec listener; the caller owns the descriptor.
// Errors: kInvalidArgument for a host that is no numeric IPv4 or IPv6 address, kIoError else.
Result<ListenSocket> OpenListenSocket(const std::string& host, std::uint16_t port);

}  // namespace raftmq
