// The configuration layer on arbitrary bytes: whatever the file, the environment and --set hold,
// loading ends with settings or with problems, and good settings survive being printed and read.
//
// Input: three parts separated by 0x1e: TOML text; "NAME=value" lines; "key=value" lines.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/config_loader.h"
#include "broker/config/settings_print.h"
#include "protocol/types/check.h"

namespace {

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

raftmq::ConfigSources SourcesFrom(std::string_view input) {
  std::vector<std::string> parts = Split(input, '\x1e');
  parts.resize(3);
  raftmq::ConfigSources sources{.file_text = parts[0]};
  for (const std::string& line : Split(parts[1], '\n')) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) continue;
    sources.environment.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  if (!parts[2].empty()) sources.sets = Split(parts[2], '\n');
  return sources;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const raftmq::LoadedConfig config = raftmq::LoadConfig(SourcesFrom(input));
  if (!config.problems.empty()) return 0;
  const std::string printed = raftmq::PrintConfig(config);
  const raftmq::LoadedConfig again = raftmq::LoadConfig({.file_text = printed});
  RAFTMQ_CHECK(again.problems.empty());
  RAFTMQ_CHECK(again.settings == config.settings);
  return 0;
}
