#include "broker/config/settings_print.h"

#include <fmt/core.h>

#include "broker/config/setting_table.h"

namespace raftmq {
namespace {

// As a TOML basic string.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string TomlValue(const Setting& setting, const BrokerSettings& settings) {
  const std::string text = setting.get(settings);
  const bool bare = setting.kind == SettingKind::kBoolean || setting.kind == SettingKind::kInteger;
  return bare ? text : Quoted(text);
}

}  // namespace

std::string PrintConfig(const LoadedConfig& config) {
  std::string out;
  std::string_view section;
  for (const Setting& setting : SettingTable()) {
    if (setting.section() != section) {
      section = setting.section();
      out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", section);
    }
    out += fmt::format("{} = {}  # {}\n", setting.name(), TomlValue(setting, config.settings),
                       config.origins.find(setting.key)->second.where);
  }
  return out;
}

std::string SettingsReference() {
  std::string out =
      "# Settings of raftmqd\n\n"
      "Made from the table in `setting_table.cc`; a test keeps the two equal. Each setting is a "
      "key "
      "in the TOML file, `RAFTMQ_SECTION__KEY` in the environment, `--set section.key=value`, and "
      "a flag where one is named. Later ones win: default, `--dev`, file, environment, `--set`, "
      "flag. On SIGHUP a running broker reads them again and takes those marked so; the rest need "
      "a "
      "restart, and the log says which.\n\n"
      "| setting | flag | default | values | SIGHUP | what |\n|---|---|---|---|---|---|\n";
  for (const Setting& setting : SettingTable()) {
    const std::string flag = setting.flag.empty() ? "" : fmt::format("`{}`", setting.flag);
    const std::string range =
        setting.range.empty() ? std::string(KindName(setting.kind)) : setting.range;
    out += fmt::format("| `{}` | {} | `{}` | {} | {} | {} |\n", setting.key, flag,
                       TomlValue(setting, BrokerSettings{}), range, setting.reloads ? "yes" : "",
                       setting.help);
  }
  return out;
}

}  // namespace raftmq
