// Everything main does before there is a broker: command line, file, environment, checks.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/config/settings.h"

namespace raftmq {

inline constexpr int kExitUsage = 2;

struct Configured {
  std::optional<int> exit_code;       // Set: print `out` and `err` and exit with it.
  std::string out;                    // For stdout.
  std::string err;                    // For stderr.
  BrokerSettings settings;            // If exit_code is not set.
  std::vector<std::string> warnings;  // For the log at start, health and metrics.
};

using Environment = std::vector<std::pair<std::string, std::string>>;

// Reads the file that --config names, and looks at the data directory's file system; writes
// nothing. Usage and configuration errors end in exit code 2 with every problem in `err`.
Configured Configure(const std::vector<std::string>& arguments, const Environment& environment);

// The variables of this process.
Environment ProcessEnvironment();

}  // namespace raftmq
