#include "protocol/types/units.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>
#include <span>

namespace raftmq {
namespace {

using Wide = unsigned __int128;

struct Unit {
  std::string_view name;
  std::uint64_t scale;
};

constexpr std::uint64_t kKi = 1024;
constexpr std::uint64_t kK = 1000;
// Greatest first within a family: Format takes the first that divides.
constexpr Unit kBinary[] = {
    {"TiB", kKi* kKi* kKi* kKi}, {"GiB", kKi* kKi* kKi}, {"MiB", kKi* kKi}, {"KiB", kKi}, {"B", 1}};
constexpr Unit kSizes[] = {{"TiB", kKi* kKi* kKi* kKi},
                           {"GiB", kKi* kKi* kKi},
                           {"MiB", kKi* kKi},
                           {"KiB", kKi},
                           {"TB", kK* kK* kK* kK},
                           {"GB", kK* kK* kK},
                           {"MB", kK* kK},
                           {"kB", kK},
                           {"B", 1},
                           {"", 1}};
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr Unit kTimes[] = {
    {"w", 604'800 * kSecond}, {"d", 86'400 * kSecond}, {"h", 3'600 * kSecond}, {"m", 60 * kSecond},
    {"s", kSecond},           {"ms", 1'000'000},       {"us", 1'000},          {"ns", 1}};

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A number cut in three, without its meaning yet: "1.5GiB" = "1", "5", "GiB".
struct Parts {
  std::string_view whole;
  std::string_view fraction;
  std::string_view unit;
};

constexpr std::size_t kDigitsMax = 20;  // Of the whole part and of the fraction each.

std::optional<Parts> Cut(std::string_view text) {
  const auto digits = [&text] {
    std::size_t n = 0;
    while (n < text.size() && IsDigit(text[n])) ++n;
    const std::string_view taken = text.substr(0, n);
    text.remove_prefix(n);
    return taken;
  };
  Parts parts;
  parts.whole = digits();
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    parts.fraction = digits();
    if (parts.fraction.empty()) return std::nullopt;
  }
  while (text.starts_with(' ')) text.remove_prefix(1);
  parts.unit = text;
  if (parts.whole.empty()) return std::nullopt;
  if (parts.whole.size() > kDigitsMax || parts.fraction.size() > kDigitsMax) return std::nullopt;
  return parts;
}

Wide ToNumber(std::string_view digits) {
  Wide value = 0;
  for (const char c : digits) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

// whole.fraction times scale if that is a whole number up to `max`.
std::optional<std::uint64_t> Scale(Parts parts, std::uint64_t scale, std::uint64_t max) {
  while (parts.fraction.ends_with('0')) parts.fraction.remove_suffix(1);
  const Wide whole = ToNumber(parts.whole);
  if (whole > max / scale) return std::nullopt;
  Wide divisor = 1;
  for (std::size_t i = 0; i < parts.fraction.size(); ++i) divisor *= 10;
  // A fraction has at most 20 digits (67 bits) and a scale at most 50 bits: no overflow of 128.
  const Wide fraction = ToNumber(parts.fraction) * scale;
  if (fraction % divisor != 0) return std::nullopt;
  const Wide value = whole * scale + fraction / divisor;
  if (value > max) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

std::string Format(std::uint64_t value, std::span<const Unit> units, std::string_view zero) {
  if (value == 0) return std::string(zero);
  for (const Unit& unit : units) {
    if (value % unit.scale == 0) return fmt::format("{}{}", value / unit.scale, unit.name);
  }
  return std::to_string(value);
}

}  // namespace

Result<std::uint64_t> ParseBytes(std::string_view text) {
  constexpr std::string_view kExpected = "expected a size such as 64MiB, 10GB or 4096";
  const auto parts = Cut(text);
  if (!parts) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}, found '{}'", kExpected, text));
  }
  for (const Unit& unit : kSizes) {
    if (!EqualIgnoringCase(unit.name, parts->unit)) continue;
    const auto bytes = Scale(*parts, unit.scale, std::numeric_limits<std::uint64_t>::max());
    if (bytes) return *bytes;
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a whole number of bytes below 16 EiB, found '{}'", text));
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{}, found the unit '{}' in '{}' (units: B, kB, MB, GB, TB, KiB, MiB, "
                          "GiB, TiB)",
                          kExpected, parts->unit, text));
}

Result<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  constexpr std::string_view kExpected = "expected a duration such as 5ms, 30s or 7d";
  const auto parts = Cut(text);
  if (!parts) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}, found '{}'", kExpected, text));
  }
  if (text == "0") return std::chrono::nanoseconds(0);
  for (const Unit& unit : kTimes) {
    if (unit.name != parts->unit) continue;
    const auto ns = Scale(*parts, unit.scale, std::numeric_limits<std::int64_t>::max());
    if (ns) return std::chrono::nanoseconds(static_cast<std::int64_t>(*ns));
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected whole nanoseconds below 292 years, found '{}'", text));
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{}, found {} in '{}' (units: ns, us, ms, s, m, h, d, w)", kExpected,
                          parts->unit.empty() ? std::string("no unit")
                                              : fmt::format("the unit '{}'", parts->unit),
                          text));
}

std::string FormatBytes(std::uint64_t bytes) { return Format(bytes, kBinary, "0B"); }

std::string FormatDuration(std::chrono::nanoseconds duration) {
  // From days down: nobody says "1w" for the usual retention of 7 days.
  return Format(static_cast<std::uint64_t>(duration.count()), std::span(kTimes).subspan(1), "0s");
}

}  // namespace raftmq
