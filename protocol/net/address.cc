#include "protocol/net/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace raftmq {
namespace {

constexpr std::size_t kHostBytesMax = 253;  // RFC 1035, without the final dot.

Error BadAddress(std::string_view text, std::string_view why) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("expected HOST:PORT, as 127.0.0.1:7440 or [::1]:7440, found '{}': {}",
                      text.substr(0, 300), why)};
}

bool IsIpv6(const std::string& host) {
  in6_addr parsed;
  return ::inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), &parsed) == 1;
}

bool IsName(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

}  // namespace

std::string Address::ToString() const {
  const bool brackets = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", brackets ? "[" : "", host, brackets ? "]" : "", port);
}

bool Address::IsLoopback() const {
  in_addr v4;
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
  }
  return host == "localhost";
}

Result<Address> ParseAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Fail(BadAddress(text, "there is no port"));
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);

  Address address;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) {
    return Fail(BadAddress(text, "the port is no number from 0 to 65535"));
  }
  if (host.empty()) return Fail(BadAddress(text, "the host is empty"));
  if (host.size() > kHostBytesMax) return Fail(BadAddress(text, "the host is too long"));
  if (host.front() == '[') {
    if (host.back() != ']') return Fail(BadAddress(text, "the bracket is not closed"));
    address.host = host.substr(1, host.size() - 2);
    if (!IsIpv6(address.host)) return Fail(BadAddress(text, "no IPv6 address in the brackets"));
    return address;
  }
  if (!IsName(host)) {
    return Fail(BadAddress(text, host.find(':') != std::string_view::npos
                                     ? "an IPv6 address stands in brackets"
                                     : "the host has characters that no name has"));
  }
  address.host = host;
  return address;
}

}  // namespace raftmq
