#include "broker/config/command_line.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <list>
#include <map>
#include <string_view>

#include "broker/config/setting_table.h"
#include "protocol/types/nearest.h"

namespace raftmq {
namespace {

constexpr const char* kFooter =
    "\nEvery setting: --print-config with --dev. Order: default < --dev < --config FILE < "
    "RAFTMQ_SECTION__KEY < --set < flag.\n"
    "Exits: 0 drained, 1 other, 2 usage or configuration, 10 failed write or sync, 11 SIGBUS on a "
    "segment,\n12 directory locked, 13 foreign or unfit directory, 14 unknown format version.";

// The options of one parse. CLI11 writes into the members, so it lives as long as the parse.
class Parser {
 public:
  Parser() : app_("A durable message broker.", "raftmqd") {
    app_.set_help_flag("-h,--help", "Print this and exit.");
    app_.add_flag("--version", version_, "Print the version and exit.");
    app_.add_option("--config", config_, "Read settings from this TOML file.")->type_name("FILE");
    app_.add_option("--set", sets_, "Set anything: section.key=value. May be repeated.")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app_.add_flag("--check-config", check_, "Check the configuration, print every problem, exit.");
    app_.add_flag("--print-config", print_, "Print the effective settings and their origin, exit.");
    for (const Setting& setting : SettingTable()) AddSetting(setting);
    app_.footer(kFooter);
  }

  Result<CommandLine> Parse(std::vector<std::string> arguments) {
    try {
      std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back.
      app_.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
      return CommandLine{.action = CommandLineAction::kHelp, .help_text = app_.help()};
    } catch (const CLI::ExtrasError&) {
      return Fail(ErrorCode::kInvalidArgument, ExtrasMessage());
    } catch (const CLI::ParseError& error) {
      return Fail(ErrorCode::kInvalidArgument, error.what());
    }
    return Collect();
  }

 private:
  void AddSetting(const Setting& setting) {
    if (setting.flag.empty()) return;
    if (setting.kind == SettingKind::kBoolean) {
      app_.add_flag(setting.flag, booleans_[setting.flag], setting.help);
    } else {
      app_.add_option(setting.flag, values_[setting.flag], setting.help)
          ->type_name(TypeName(setting.kind));
    }
  }

  static std::string TypeName(SettingKind kind) {
    switch (kind) {
      case SettingKind::kInteger:
        return "N";
      case SettingKind::kAddress:
        return "HOST:PORT";
      case SettingKind::kPeers:
        return "ID@HOST:PORT,...";
      default:
        return "TEXT";
    }
  }

  std::string ExtrasMessage() const {
    const auto extras = app_.remaining();
    if (extras.empty()) return "unexpected arguments";
    const std::string& first = extras.front();
    if (!first.starts_with("-")) return fmt::format("expected only flags, found '{}'", first);
    const std::string flag = first.substr(0, first.find('='));
    std::vector<std::string> names;
    for (const CLI::Option* option : app_.get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const std::string hint = DidYouMean(flag, candidates);
    return fmt::format("unknown flag '{}'{}", flag, hint.empty() ? "; see --help" : hint);
  }

  CommandLine Collect() const {
    CommandLine line;
    if (version_) line.action = CommandLineAction::kVersion;
    if (print_) line.action = CommandLineAction::kPrintConfig;
    if (check_) line.action = CommandLineAction::kCheckConfig;
    if (app_.count("--config") > 0) line.config_file = config_;
    line.sets = sets_;
    for (const Setting& setting : SettingTable()) {
      if (setting.flag.empty() || app_.count(setting.flag) == 0) continue;
      const bool is_boolean = setting.kind == SettingKind::kBoolean;
      line.flags.push_back({.key = setting.key,
                            .value = is_boolean ? (booleans_.at(setting.flag) ? "true" : "false")
                                                : values_.at(setting.flag),
                            .source = SettingSource::kFlag,
                            .where = setting.flag});
    }
    return line;
  }

  CLI::App app_;
  bool version_ = false;
  bool check_ = false;
  bool print_ = false;
  std::string config_;
  std::vector<std::string> sets_;
  std::map<std::string, bool> booleans_;       // By flag; nodes do not move.
  std::map<std::string, std::string> values_;  // By flag.
};

}  // namespace

Result<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments) {
  return Parser().Parse(arguments);
}

}  // namespace raftmq
