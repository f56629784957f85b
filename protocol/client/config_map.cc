#include "protocol/client/config_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "protocol/types/nearest.h"
#include "protocol/types/units.h"

namespace raftmq::internal {

void ConfigMap::Text(std::string_view key, std::string* to) {
  if (const std::string* text = Take(key)) *to = *text;
}

void ConfigMap::List(std::string_view key, std::vector<std::string>* to) {
  const std::string* text = Take(key);
  if (text == nullptr) return;
  to->clear();
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (comma > 0) to->emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
}

void ConfigMap::Duration(std::string_view key, std::chrono::milliseconds* to) {
  const std::string* text = Take(key);
  if (text == nullptr) return;
  const auto parsed = ParseDuration(*text);
  if (!parsed) return Refuse(key, "a duration as '5ms'", *text);
  *to = std::chrono::duration_cast<std::chrono::milliseconds>(*parsed);
}

void ConfigMap::Bytes(std::string_view key, std::size_t* to) {
  const std::string* text = Take(key);
  if (text == nullptr) return;
  const auto parsed = ParseBytes(*text);
  if (!parsed) return Refuse(key, "a size as '1MiB'", *text);
  *to = *parsed;
}

void ConfigMap::Number(std::string_view key, std::uint64_t* to) {
  const std::string* text = Take(key);
  if (text == nullptr) return;
  const char* const end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, *to);
  if (error != std::errc() || stopped != end) Refuse(key, "a number", *text);
}

void ConfigMap::Number(std::string_view key, std::uint32_t* to) {
  std::uint64_t wide = *to;
  Number(key, &wide);
  if (wide > std::numeric_limits<std::uint32_t>::max()) {
    return Refuse(key, "a number below 2^32", std::to_string(wide));
  }
  *to = static_cast<std::uint32_t>(wide);
}

Status ConfigMap::Finish() const {
  if (!error_) return error_;
  for (const auto& [key, value] : values_) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    return Fail(ErrorCode::kBadConfig,
                fmt::format("unknown setting '{}'{}", key, DidYouMean(key, known_)));
  }
  return Ok();
}

const std::string* ConfigMap::Take(std::string_view key) {
  known_.push_back(key);
  const auto found = values_.find(std::string(key));
  return found == values_.end() ? nullptr : &found->second;
}

void ConfigMap::Refuse(std::string_view key, std::string_view expected, std::string_view found) {
  if (!error_) return;
  error_ = Fail(ErrorCode::kBadConfig,
                fmt::format("setting '{}': expected {}, found '{}'", key, expected, found));
}

}  // namespace raftmq::internal
