#include "segment/segment_name.h"

#include <fmt/format.h>

#include <charconv>

namespace raftmq {
namespace {

constexpr std::size_t kDigits = 20;
constexpr std::string_view kLogSuffix = ".log";

std::optional<std::uint64_t> ParseDigits(std::string_view digits) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string SegmentName::LogFile() const {
  return fmt::format("{:020}-{:020}.log", first.value(), first_offset.value());
}

std::string SegmentName::IndexFile() const {
  return fmt::format("{:020}-{:020}.index", first.value(), first_offset.value());
}

std::optional<SegmentName> ParseSegmentLogFile(std::string_view name) {
  if (name.size() != 2 * kDigits + 1 + kLogSuffix.size() || name[kDigits] != '-' ||
      !name.ends_with(kLogSuffix))
    return std::nullopt;
  const auto first = ParseDigits(name.substr(0, kDigits));
  const auto offset = ParseDigits(name.substr(kDigits + 1, kDigits));
  if (!first || !offset) return std::nullopt;
  return SegmentName{Index(*first), Offset(*offset)};
}

}  // namespace raftmq
