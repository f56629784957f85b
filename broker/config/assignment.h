// What the sources of configuration hand to the loader: keys, values and where they stand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace raftmq {

// Later ones win over earlier ones.
enum class SettingSource { kDefault, kDev, kFile, kEnvironment, kSet, kFlag };

// How a value was written: TOML has types, elsewhere everything is free text.
enum class ValueForm { kFree, kString, kInteger, kBoolean, kList };

// One "key = value" of one source. A list is its elements joined by commas.
struct Assignment {
  std::string key;
  std::string value;
  ValueForm form = ValueForm::kFree;
  SettingSource source = SettingSource::kFile;
  std::string where;  // "raftmq.toml:3:9", "RAFTMQ_NODE__ID", "--set", "--node-id".
};

// One thing that is wrong. Printed as "where: message".
struct ConfigProblem {
  std::string where;
  std::string message;
  std::string ToString() const { return where.empty() ? message : where + ": " + message; }
};

}  // namespace raftmq
