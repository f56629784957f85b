// Short ways to say what a configuration is made of.
#pragma once

#include <string>
#include <vector>

#include "broker/config/config_loader.h"

namespace raftmq {

// Enough for the rest to be judged: an identity and a directory.
inline std::vector<std::string> Identity() {
  return {"node.id=1", "node.cluster_id=demo", "node.data_dir=data"};
}

// A file beside a valid identity.
inline LoadedConfig LoadFile(const std::string& text) {
  return LoadConfig({.file_text = text, .file_name = "f.toml", .sets = Identity()});
}

inline LoadedConfig LoadSets(std::vector<std::string> sets) {
  for (const std::string& set : Identity()) sets.push_back(set);
  return LoadConfig({.sets = std::move(sets)});
}

// Every problem on a line of its own.
inline std::string ProblemsOf(const LoadedConfig& config) {
  std::string all;
  for (const ConfigProblem& problem : config.problems) all += problem.ToString() + "\n";
  return all;
}

}  // namespace raftmq
