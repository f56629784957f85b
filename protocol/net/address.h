// "host:port" of a listener or a peer.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "raftmq/result.h"

namespace raftmq {

struct Address {
  std::string host;
  std::uint16_t port = 0;

  auto operator<=>(const Address&) const = default;
  std::string ToString() const;  // "127.0.0.1:7440", "[::1]:7440".
  bool IsLoopback() const;       // 127.0.0.0/8, ::1 and localhost.
};

// Errors: kInvalidArgument, saying what was expected ("HOST:PORT") and found.
Result<Address> ParseAddress(std::string_view text);

}  // namespace raftmq
