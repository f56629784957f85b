// A listening TCP socket on a numeric address or localhost, with errors that name the address.
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
// Errors: kInvalidArgument for any other host, kIoError else.
Result<ListenSocket> OpenListenSocket(const std::string& host, std::uint16_t port);

}  // namespace raftmq
