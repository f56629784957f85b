#include "protocol/client/config_sources.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

// Within this file only: programs that link libraftmq need no other library for it.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace raftmq::internal {
namespace {

std::optional<std::string> TextOf(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  const auto* list = node.as_array();
  if (list == nullptr) return std::nullopt;
  std::string joined;
  for (const toml::node& each : *list) {
    const auto text = each.is_array() ? std::nullopt : TextOf(each);
    if (!text) return std::nullopt;
    joined += (joined.empty() ? "" : ",") + *text;
  }
  return joined;
}

Error At(const std::string& path, const toml::source_region& source, std::string_view what) {
  return {ErrorCode::kBadConfig,
          fmt::format("{}:{}:{}: {}", path, source.begin.line, source.begin.column, what)};
}

}  // namespace

Result<Settings> ReadTomlSection(const std::string& path, std::string_view section) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || !text)
    return Fail(ErrorCode::kBadConfig, fmt::format("cannot read the file '{}'", path));
  const toml::parse_result parsed = toml::parse(text.str(), path);
  if (!parsed) return Fail(At(path, parsed.error().source(), parsed.error().description()));
  Settings settings;
  const toml::table* keys = parsed.table()[section].as_table();
  if (keys == nullptr) return settings;
  for (const auto& [key, node] : *keys) {
    const auto value = TextOf(node);
    if (!value) {
      return Fail(At(path, node.source(),
                     fmt::format("expected text, a number, true, false or a list of these for '{}'",
                                 std::string_view(key.str()))));
    }
    settings[std::string(key.str())] = *value;
  }
  return settings;
}

Settings ReadEnvironment(std::string_view prefix, std::initializer_list<std::string_view> others) {
  Settings settings;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (!text.starts_with(prefix) || equals == std::string_view::npos) continue;
    if (equals <= prefix.size() + 1 || text[prefix.size()] != '_') continue;
    std::string key(text.substr(prefix.size() + 1, equals - prefix.size() - 1));
    const bool is_anothers = std::ranges::any_of(others, [&key](std::string_view other) {
      return key.starts_with(other) && key.size() > other.size() && key[other.size()] == '_';
    });
    if (is_anothers || key.find("__") != std::string::npos) continue;
    std::ranges::transform(key, key.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    settings[key] = text.substr(equals + 1);
  }
  return settings;
}

}  // namespace raftmq::internal
