#include "broker/config/config_loader.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <span>

#include "broker/config/setting_table.h"
#include "broker/config/settings_check.h"
#include "broker/config/toml_source.h"
#include "protocol/types/nearest.h"

namespace raftmq {
namespace {

constexpr std::string_view kEnvironmentPrefix = "RAFTMQ_";
constexpr std::size_t kProblemsMax = 100;

// The forms in which TOML may give a value of this kind.
bool IsFormFor(SettingKind kind, ValueForm form) {
  if (form == ValueForm::kFree) return true;
  switch (kind) {
    case SettingKind::kBoolean:
      return form == ValueForm::kBoolean;
    case SettingKind::kInteger:
      return form == ValueForm::kInteger;
    case SettingKind::kSize:
      return form == ValueForm::kInteger || form == ValueForm::kString;
    case SettingKind::kPeers:
      return form == ValueForm::kString || form == ValueForm::kList;
    case SettingKind::kDuration:
    case SettingKind::kText:
    case SettingKind::kAddress:
    case SettingKind::kChoice:
      return form == ValueForm::kString;
  }
  return false;
}

// As it stands in the file: strings with quotes.
std::string AsWritten(const Assignment& assignment) {
  if (assignment.form == ValueForm::kString) return fmt::format("\"{}\"", assignment.value);
  if (assignment.form == ValueForm::kList) return "a list";
  return assignment.value;
}

// Applies assignments in the order of their precedence and remembers who gave what.
class Merger {
 public:
  Merger() {
    for (const Setting& setting : SettingTable()) {
      loaded_.origins[setting.key] = {SettingSource::kDefault, "default"};
    }
  }

  void Apply(const Assignment& assignment) {
    const Setting* const setting = FindSetting(assignment.key);
    if (setting == nullptr) {
      const std::string hint = Hint(assignment.key, SettingKeys());
      return Problem(assignment.where, fmt::format("unknown setting '{}'{}", assignment.key, hint));
    }
    ApplyTo(*setting, assignment);
  }

  // Environment names carry the key in upper case: the key is looked up, never guessed from it.
  void ApplyEnvironment(const std::string& name, const std::string& value) {
    const auto table = SettingTable();
    const auto known = std::ranges::find(table, name, &Setting::environment);
    if (known != table.end()) {
      return ApplyTo(*known, {.key = known->key,
                              .value = value,
                              .source = SettingSource::kEnvironment,
                              .where = name});
    }
    Problem(name, "unknown setting in the environment" + Hint(name, SettingEnvironmentNames()));
  }

  void ApplySet(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      return Problem("--set", fmt::format("expected section.key=value, found '{}'", text));
    }
    const std::string key = text.substr(0, equals);
    if (!set_keys_.insert(key).second) {
      return Problem("--set", fmt::format("'{}' is given twice", key));
    }
    Apply({.key = key,
           .value = text.substr(equals + 1),
           .source = SettingSource::kSet,
           .where = "--set " + key});
  }

  void AddProblems(std::vector<ConfigProblem> problems) {
    std::ranges::move(problems, std::back_inserter(loaded_.problems));
  }

  const LoadedConfig& loaded() const { return loaded_; }

  LoadedConfig Finish() {
    if (loaded_.problems.size() > kProblemsMax) {
      const std::size_t more = loaded_.problems.size() - kProblemsMax;
      loaded_.problems.resize(kProblemsMax);
      Problem("", fmt::format("and {} more problems", more));
    }
    return std::move(loaded_);
  }

 private:
  void ApplyTo(const Setting& setting, const Assignment& assignment) {
    if (!IsFormFor(setting.kind, assignment.form)) {
      return Problem(assignment.where, fmt::format("{}: expected {}, found {}", setting.key,
                                                   KindName(setting.kind), AsWritten(assignment)));
    }
    const Status done = setting.set(loaded_.settings, assignment.value);
    if (!done) return Problem(assignment.where, setting.key + ": " + done.error().message);
    loaded_.origins[setting.key] = {assignment.source, assignment.where};
  }

  // Beyond the problems that are shown a suggestion would cost time for nothing.
  std::string Hint(std::string_view word, std::span<const std::string_view> candidates) const {
    return loaded_.problems.size() < kProblemsMax ? DidYouMean(word, candidates) : std::string();
  }

  void Problem(std::string where, std::string message) {
    loaded_.problems.push_back({std::move(where), std::move(message)});
  }

  LoadedConfig loaded_;
  std::set<std::string> set_keys_;
};

// The values --dev gives to what nothing else sets.
void ApplyDevDefaults(Merger* merger) {
  const std::pair<const char*, const char*> defaults[] = {{"node.id", "1"},
                                                          {"node.cluster_id", "dev"},
                                                          {"node.data_dir", "raftmq-data"},
                                                          {"node.bootstrap", "true"}};
  for (const auto& [key, value] : defaults) {
    if (merger->loaded().origins.find(std::string_view(key))->second.source ==
        SettingSource::kDefault) {
      merger->Apply({.key = key, .value = value, .source = SettingSource::kDev, .where = "--dev"});
    }
  }
}

}  // namespace

LoadedConfig LoadConfig(const ConfigSources& sources) {
  Merger merger;
  bool is_file_unread = false;  // A syntax error: nobody knows what it would have set.
  if (sources.file_text) {
    TomlContent file = ReadToml(*sources.file_text, sources.file_name);
    is_file_unread = file.assignments.empty() && !file.problems.empty();
    merger.AddProblems(std::move(file.problems));
    for (const Assignment& assignment : file.assignments) merger.Apply(assignment);
  }
  for (const auto& [name, value] : sources.environment) {
    // One underscore only: RAFTMQ_BROKERS and the like, which are the clients'.
    if (name.starts_with(kEnvironmentPrefix) && name.find("__") != std::string::npos) {
      merger.ApplyEnvironment(name, value);
    }
  }
  for (const std::string& text : sources.sets) merger.ApplySet(text);
  for (const Assignment& assignment : sources.flags) merger.Apply(assignment);
  if (merger.loaded().settings.node.dev) ApplyDevDefaults(&merger);
  if (!is_file_unread) merger.AddProblems(CheckSettings(merger.loaded()));
  return merger.Finish();
}

}  // namespace raftmq
