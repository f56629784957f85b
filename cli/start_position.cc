#include "cli/start_position.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <optional>

#include "protocol/types/units.h"

namespace raftmq::cli {
namespace {

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return std::nullopt;
  return number;
}

// Minutes east of UTC for "Z", "+02:00", "-0530"; nullopt if it is none of these.
std::optional<int> ParseZone(std::string zone) {
  if (zone == "Z" || zone == "z") return 0;
  zone.erase(std::remove(zone.begin(), zone.end(), ':'), zone.end());
  if (zone.size() != 5 || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  const auto hours = ParseNumber(std::string_view(zone).substr(1, 2));
  const auto minutes = ParseNumber(std::string_view(zone).substr(3, 2));
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const int total = static_cast<int>(*hours * 60 + *minutes);
  return zone[0] == '-' ? -total : total;
}

std::optional<std::int64_t> ParseTime(const std::string& text) {
  constexpr std::array kForms{"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
  for (const char* const form : kForms) {
    std::tm broken{};
    broken.tm_isdst = -1;
    const char* rest = strptime(text.c_str(), form, &broken);
    if (!rest) continue;
    std::int64_t milliseconds = 0;
    if (*rest == '.') {
      std::string digits;
      while (*++rest >= '0' && *rest <= '9') digits += *rest;
      digits.resize(3, '0');
      milliseconds = static_cast<std::int64_t>(ParseNumber(digits).value_or(0));
    }
    if (*rest == '\0') return std::int64_t{std::mktime(&broken)} * 1000 + milliseconds;
    const auto zone = ParseZone(rest);
    if (!zone) return std::nullopt;
    return (std::int64_t{timegm(&broken)} - *zone * 60) * 1000 + milliseconds;
  }
  return std::nullopt;
}

}  // namespace

Result<StartPosition> ParseStartPosition(const std::string& text, std::int64_t now_ms) {
  if (text == "start") return StartPosition::Start();
  if (text == "end") return StartPosition::End();
  if (const auto offset = ParseNumber(text)) return StartPosition::At(*offset);
  if (text.starts_with('@')) {
    if (const auto time = ParseTime(text.substr(1))) return StartPosition::Time(*time);
  } else if (text.starts_with('-')) {
    if (const auto last = ParseNumber(std::string_view(text).substr(1)))
      return StartPosition::Last(*last);
    if (const auto ago = ParseDuration(std::string_view(text).substr(1))) {
      return StartPosition::Time(
          now_ms - std::chrono::duration_cast<std::chrono::milliseconds>(*ago).count());
    }
  }
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("expected start, end, an offset, -N, @2026-01-31T10:00 or -1h, found '{}'",
                  text));
}

}  // namespace raftmq::cli
