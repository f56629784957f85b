#include "cli/quantity.h"

#include <fmt/format.h>

#include <charconv>

#include "protocol/types/units.h"

namespace raftmq::cli {

Result<std::uint64_t> ParseCountIn(Bounds<std::uint64_t> bounds, const std::string& text) {
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, count);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == end;
  if (is_number && count >= bounds.least && count <= bounds.most) return count;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected a whole number from {} to {}, found '{}'", bounds.least,
                          bounds.most, text));
}

Result<std::uint64_t> ParseBytesIn(Bounds<std::uint64_t> bounds, const std::string& text) {
  RAFTMQ_TRY_ASSIGN(const std::uint64_t bytes, ParseBytes(text));
  if (bytes >= bounds.least && bytes <= bounds.most) return bytes;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected a size from {} to {}, found '{}'", FormatBytes(bounds.least),
                          FormatBytes(bounds.most), text));
}

Result<std::chrono::milliseconds> ParseDurationIn(Bounds<std::chrono::milliseconds> bounds,
                                                  const std::string& text) {
  RAFTMQ_TRY_ASSIGN(const std::chrono::nanoseconds exact, ParseDuration(text));
  const auto duration = std::chrono::duration_cast<std::chrono::milliseconds>(exact);
  if (duration >= bounds.least && duration <= bounds.most) return duration;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("expected a duration from {} to {}, found '{}'",
                          FormatDuration(bounds.least), FormatDuration(bounds.most), text));
}

}  // namespace raftmq::cli
