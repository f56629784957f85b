#include "broker/config/value_text.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "protocol/types/nearest.h"

namespace raftmq {
namespace {

constexpr std::size_t kPathMax = 4'095;
constexpr std::size_t kClusterIdMax = 200;
constexpr std::size_t kPeersMax = 64;

auto Wrong(std::string_view expected, std::string_view found) {
  return Fail(ErrorCode::kBadConfig, fmt::format("expected {}, found '{}'", expected, found));
}

// The length of the UTF-8 sequence at the start of `text`, or 0 if there is none (RFC 3629).
std::size_t Utf8Length(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80) return 0;
  }
  return length;
}

bool IsPrintableUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    if (length == 0) return false;
    if (length == 1 && (text.front() < 0x20 || text.front() == 0x7f)) return false;
    text.remove_prefix(length);
  }
  return true;
}

Result<std::string> ParsePath(std::string_view text) {
  if (!IsPrintableUtf8(text)) {
    return Fail(ErrorCode::kBadConfig, "expected a path in UTF-8 without control characters");
  }
  if (text.size() > kPathMax) {
    return Fail(ErrorCode::kBadConfig, fmt::format("expected a path of at most {} bytes, found {}",
                                                   kPathMax, text.size()));
  }
  return std::string(text);
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

Result<PeerSetting> ParsePeer(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos) return Wrong("peers as ID@HOST:PORT,...", text);
  RAFTMQ_TRY_ASSIGN(const std::uint32_t id,
                    ParseInteger(text.substr(0, at), 1, std::numeric_limits<std::uint32_t>::max()));
  RAFTMQ_TRY_ASSIGN(Address address, ParseListenAddress(text.substr(at + 1)));
  return PeerSetting{NodeId(id), std::move(address)};
}

}  // namespace

Result<bool> ParseBoolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return Wrong("true or false", text);
}

Result<std::uint32_t> ParseInteger(std::string_view text, std::uint32_t min, std::uint32_t max) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return Wrong(fmt::format("a whole number from {} to {}", min, max), text);
  }
  return value;
}

Result<std::uint64_t> ParseSize(std::string_view text, std::uint64_t min, std::uint64_t max) {
  const auto bytes = ParseBytes(text);
  if (!bytes) return Fail(ErrorCode::kBadConfig, bytes.error().message);
  if (*bytes < min || *bytes > max) {
    return Wrong(fmt::format("a size from {} to {}", FormatBytes(min), FormatBytes(max)), text);
  }
  return *bytes;
}

Result<Milliseconds> ParseTime(std::string_view text, Milliseconds min, Milliseconds max) {
  const auto time = ParseDuration(text);
  if (!time) return Fail(ErrorCode::kBadConfig, time.error().message);
  const auto whole = std::chrono::duration_cast<Milliseconds>(*time);
  if (whole != *time || whole < min || whole > max) {
    return Wrong(fmt::format("a duration from {} to {} in whole milliseconds", FormatDuration(min),
                             FormatDuration(max)),
                 text);
  }
  return whole;
}

Result<std::size_t> ParseChoice(std::string_view text, std::span<const std::string_view> names) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  return Fail(ErrorCode::kBadConfig,
              fmt::format("expected one of {}, found '{}'{}", JoinChoices(names), text,
                          DidYouMean(text, names)));
}

std::string JoinChoices(std::span<const std::string_view> names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

Result<std::string> ParseClusterId(std::string_view text) {
  if (text.empty() || text.size() > kClusterIdMax ||
      !std::all_of(text.begin(), text.end(), IsNameCharacter)) {
    return Wrong("a name of 1 to 200 of A-Z a-z 0-9 . _ -", text);
  }
  return std::string(text);
}

Result<std::string> ParseDirectory(std::string_view text) {
  if (text.empty()) return Wrong("a directory", text);
  return ParsePath(text);
}

Result<std::string> ParseOptionalPath(std::string_view text) { return ParsePath(text); }

Result<Address> ParseListenAddress(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; })) {
    return Fail(ErrorCode::kBadConfig, "expected HOST:PORT in ASCII without blanks");
  }
  auto address = ParseAddress(text);
  if (!address) return Fail(ErrorCode::kBadConfig, address.error().message);
  return address;
}

Result<std::vector<PeerSetting>> ParsePeers(std::string_view text) {
  std::vector<PeerSetting> peers;
  while (!text.empty()) {
    const auto comma = text.find(',');
    RAFTMQ_TRY_ASSIGN(PeerSetting peer, ParsePeer(text.substr(0, comma)));
    peers.push_back(std::move(peer));
    if (peers.size() > kPeersMax) {
      return Fail(ErrorCode::kBadConfig, fmt::format("expected at most {} peers", kPeersMax));
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) return Wrong("a peer after the last comma", text);
  }
  return peers;
}

std::string FormatPeers(const std::vector<PeerSetting>& peers) {
  std::string text;
  for (const PeerSetting& peer : peers) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}@{}", peer.id.value(), peer.address.ToString());
  }
  return text;
}

std::string FormatAddress(const Address& address) {
  return address.host.empty() ? std::string() : address.ToString();
}

}  // namespace raftmq
