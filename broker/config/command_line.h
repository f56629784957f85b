// raftmqd's command line: flags to assignments. CLI11 reads argv and nothing else: its own
// configuration files let the file win over the environment.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/config/assignment.h"
#include "raftmq/result.h"

namespace raftmq {

enum class CommandLineAction { kRun, kCheckConfig, kPrintConfig, kHelp, kVersion };

struct CommandLine {
  CommandLineAction action = CommandLineAction::kRun;
  std::optional<std::string> config_file;
  std::vector<std::string> sets;  // "section.key=value" as given; judged by the loader.
  std::vector<Assignment> flags;  // Flags of the setting table.
  std::string help_text;          // For kHelp.
};

// `arguments` without the program's name. There is no flag for a secret: argv is public.
// Errors: kInvalidArgument, with the nearest flag for a mistyped one; exit code 2.
Result<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments);

}  // namespace raftmq
