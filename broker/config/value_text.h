// The values of settings as text: reading with ranges, and writing. Pure functions; every error is
// kBadConfig and says what was expected and what was found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/settings.h"
#include "protocol/types/units.h"
#include "raftmq/result.h"

namespace raftmq {

Result<bool> ParseBoolean(std::string_view text);
Result<std::uint32_t> ParseInteger(std::string_view text, std::uint32_t min, std::uint32_t max);
Result<std::uint64_t> ParseSize(std::string_view text, std::uint64_t min, std::uint64_t max);
// Whole milliseconds.
Result<Milliseconds> ParseTime(std::string_view text, Milliseconds min, Milliseconds max);
// The position of `text` in `names`; the error suggests the nearest.
Result<std::size_t> ParseChoice(std::string_view text, std::span<const std::string_view> names);
std::string JoinChoices(std::span<const std::string_view> names);  // "text, json".

// [A-Za-z0-9._-]{1,200}.
Result<std::string> ParseClusterId(std::string_view text);
// At most 4,095 bytes of UTF-8 without control characters; a directory must not be empty.
Result<std::string> ParseDirectory(std::string_view text);
Result<std::string> ParseOptionalPath(std::string_view text);

// HOST:PORT in printable ASCII: it is printed, logged and sent to others.
Result<Address> ParseListenAddress(std::string_view text);

// "1@host:port,2@host:port"; empty text is an empty list. At most 64 peers.
Result<std::vector<PeerSetting>> ParsePeers(std::string_view text);
std::string FormatPeers(const std::vector<PeerSetting>& peers);

std::string FormatAddress(const Address& address);  // Empty if the address has no host.

}  // namespace raftmq
