// Whether settings that are fine one by one fit together.
#pragma once

#include <string>
#include <vector>

#include "broker/config/config_loader.h"

namespace raftmq {

// Every contradiction, placed where the value in question came from. Pure.
// A setting that is missing because its own value was refused is not reported again.
std::vector<ConfigProblem> CheckSettings(const LoadedConfig& config);

// What is allowed but gives up a promise; for the log of every start, health and metrics. Pure.
std::vector<std::string> WarningsOf(const BrokerSettings& settings);

}  // namespace raftmq
