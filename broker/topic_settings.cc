#include "broker/topic_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <chrono>
#include <optional>

#include "protocol/types/batch_header.h"
#include "protocol/types/nearest.h"
#include "protocol/types/units.h"

namespace raftmq::broker {
namespace {

constexpr std::size_t kNameBytesMax = 200;
constexpr std::array<std::string_view, 5> kNames = {
    "segment.bytes", "retention.ms", "retention.bytes", "max.message.bytes", "message.id.window"};
constexpr std::int64_t kMessageIdWindowMsMax = 7LL * 24 * 3600 * 1000;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

struct Range {
  std::uint64_t least;
  std::uint64_t most;
};

Result<std::uint64_t> SizeInRange(std::string_view name, std::string_view text, Range range) {
  const auto bytes = ParseBytes(text);
  if (!bytes) {
    return Fail(ErrorCode::kBadRequest, fmt::format("{}: {}", name, bytes.error().message));
  }
  if (*bytes < range.least || *bytes > range.most) {
    return Fail(ErrorCode::kBadRequest,
                fmt::format("{}: expected {} to {}, found {}", name, FormatBytes(range.least),
                            FormatBytes(range.most), FormatBytes(*bytes)));
  }
  return *bytes;
}

Result<std::int64_t> SizeOrUnbounded(std::string_view name, std::string_view text) {
  if (text == "-1") return std::int64_t{-1};
  RAFTMQ_TRY_ASSIGN(const std::uint64_t bytes, SizeInRange(name, text, {0, 1ull << 62}));
  return static_cast<std::int64_t>(bytes);
}

// Milliseconds, or a time with its unit; nullopt if it is neither.
std::optional<std::int64_t> MillisecondsOf(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 0) return number;
  const auto duration = ParseDuration(text);
  if (!duration || duration->count() < 0) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*duration).count();
}

Result<std::int64_t> TimeOrUnbounded(std::string_view name, std::string_view text) {
  if (text == "-1") return std::int64_t{-1};
  if (const auto time_ms = MillisecondsOf(text)) return *time_ms;
  return Fail(
      ErrorCode::kBadRequest,
      fmt::format("{}: expected milliseconds, a time like '7d', or -1 for no bound, found '{}'",
                  name, text.substr(0, 100)));
}

Result<std::int64_t> MessageIdWindow(std::string_view name, std::string_view text) {
  const auto time_ms = MillisecondsOf(text);
  if (time_ms && *time_ms <= kMessageIdWindowMsMax) return *time_ms;
  return Fail(ErrorCode::kBadRequest,
              fmt::format("{}: expected milliseconds or a time like '2m', up to '7d', found '{}'",
                          name, text.substr(0, 100)));
}

Status CheckName(std::string_view what, std::string_view name) {
  const auto refuse = [what](std::string_view found) {
    return Fail(
        ErrorCode::kBadName,
        fmt::format("expected a {} name of 1 to {} characters of A-Z a-z 0-9 . _ -, found {}", what,
                    kNameBytesMax, found));
  };
  if (name.empty()) return refuse("an empty one");
  if (name.size() > kNameBytesMax) return refuse(fmt::format("{} characters", name.size()));
  for (const char c : name) {
    if (!IsNameCharacter(c)) {
      return refuse(fmt::format("the byte 0x{:02x} in it", static_cast<unsigned char>(c)));
    }
  }
  if (name == "." || name == "..") return refuse(fmt::format("'{}'", name));
  if (name.starts_with("__")) {
    return Fail(
        ErrorCode::kBadName,
        fmt::format("names that begin with '__' are for internal {}s, found '{}'", what, name));
  }
  return Ok();
}

}  // namespace

Status CheckTopicName(std::string_view name) { return CheckName("topic", name); }
Status CheckProducerName(std::string_view name) { return CheckName("producer", name); }

Result<TopicSettings> ParseTopicSettings(const std::map<std::string, std::string>& settings,
                                         const TopicSettings& defaults) {
  TopicSettings parsed = defaults;
  for (const auto& [name, value] : settings) {
    if (name == "segment.bytes") {
      RAFTMQ_TRY_ASSIGN(parsed.segment_bytes, SizeInRange(name, value, {1u << 20, 4ull << 30}));
    } else if (name == "retention.ms") {
      RAFTMQ_TRY_ASSIGN(parsed.retention_ms, TimeOrUnbounded(name, value));
    } else if (name == "retention.bytes") {
      RAFTMQ_TRY_ASSIGN(parsed.retention_bytes, SizeOrUnbounded(name, value));
    } else if (name == "max.message.bytes") {
      RAFTMQ_TRY_ASSIGN(parsed.message_bytes_max,
                        SizeInRange(name, value, {kBatchHeaderBytes, kBatchBytesMax}));
    } else if (name == "message.id.window") {
      RAFTMQ_TRY_ASSIGN(parsed.message_id_window_ms, MessageIdWindow(name, value));
    } else {
      return Fail(
          ErrorCode::kBadRequest,
          fmt::format("unknown topic setting '{}'{}; expected one of: {}", name.substr(0, 100),
                      DidYouMean(name, kNames), fmt::join(kNames, ", ")));
    }
  }
  return parsed;
}

}  // namespace raftmq::broker
