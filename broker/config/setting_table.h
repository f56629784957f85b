// The one table of settings: file, environment, --set, flags, --print-config and SETTINGS.md all
// derive from it. A new setting is a field of settings.h and a row here.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/settings.h"
#include "raftmq/result.h"

namespace raftmq {

enum class SettingKind { kText, kBoolean, kInteger, kSize, kDuration, kAddress, kChoice, kPeers };

// "a size", "true or false": what a value of the kind looks like, for messages and documents.
std::string_view KindName(SettingKind kind);

// One row. Immutable.
struct Setting {
  std::string key;          // "section.name", lower case.
  std::string environment;  // "RAFTMQ_SECTION__NAME"; follows from the key.
  std::string flag;         // "--node-id", or empty if only --set gives it on the command line.
  SettingKind kind = SettingKind::kText;
  std::string range;  // For people: "1KiB to 64MiB"; empty if anything goes.
  std::string help;
  bool reloads = false;  // A running broker takes a new value on SIGHUP.
  // Reads and range-checks `text`; on an error the settings are as before.
  std::function<Status(BrokerSettings& settings, std::string_view text)> set;
  // The value as `set` reads it.
  std::function<std::string(const BrokerSettings& settings)> get;

  std::string_view section() const;  // "storage" of "storage.retention".
  std::string_view name() const;     // "retention" of "storage.retention".
};

// All rows, sections together, in the order in which they are printed. Thread-safe.
std::span<const Setting> SettingTable();

// The row of a key, or null.
const Setting* FindSetting(std::string_view key);

// Every key, for suggestions.
std::span<const std::string_view> SettingKeys();

// Every environment name, for suggestions.
std::span<const std::string_view> SettingEnvironmentNames();

}  // namespace raftmq
