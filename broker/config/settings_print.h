// The settings for people: the effective ones with their origin, and the reference page.
#pragma once

#include <string>

#include "broker/config/config_loader.h"

namespace raftmq {

// A TOML file that gives exactly these settings; each line ends in a comment with its origin.
std::string PrintConfig(const LoadedConfig& config);

// The Markdown table of every setting: SETTINGS.md beside this file, kept equal by a test.
std::string SettingsReference();

}  // namespace raftmq
