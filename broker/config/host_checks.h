// Whether this machine can run with the settings. Looks at the file system, changes nothing.
#pragma once

#include <vector>

#include "broker/config/config_loader.h"

namespace raftmq {

// The data directory (or the nearest parent that is there) must be a directory, writable, and not
// in memory unless storage.allow_tmpfs.
std::vector<ConfigProblem> CheckHost(const LoadedConfig& config);

}  // namespace raftmq
