// Merges the sources of configuration: default < --dev < file < environment < --set < flag.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/config/assignment.h"
#include "broker/config/settings.h"

namespace raftmq {

// Where the effective value of a setting came from.
struct SettingOrigin {
  SettingSource source = SettingSource::kDefault;
  std::string where;  // As in Assignment; "default" or "--dev".
};

// Everything the configuration is made of. Values only: nothing is read from disk or process.
struct ConfigSources {
  std::optional<std::string> file_text;  // None = no file.
  std::string file_name = "raftmq.toml";
  std::vector<std::pair<std::string, std::string>> environment;  // All of it; others are ignored.
  std::vector<std::string> sets;                                 // "section.key=value" each.
  std::vector<Assignment> flags;  // From command_line.h, source kFlag.
};

struct LoadedConfig {
  BrokerSettings settings;  // Meaningful only if there are no problems.
  std::map<std::string, SettingOrigin, std::less<>> origins;  // Of every key.
  std::vector<ConfigProblem> problems;  // All of them: by source, and in file order.
};

// Pure. Unknown keys (with the nearest known one), duplicate keys, wrong types, units and ranges,
// and what does not fit together (settings_check.h) are problems; the rest is still read, so that
// one run shows every mistake.
LoadedConfig LoadConfig(const ConfigSources& sources);

}  // namespace raftmq
