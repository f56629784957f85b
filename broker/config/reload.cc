#include "broker/config/reload.h"

#include <fmt/format.h>

#include "broker/config/setting_table.h"

namespace raftmq {

ReloadPlan PlanReload(const BrokerSettings& running, const BrokerSettings& wanted) {
  ReloadPlan plan;
  for (const Setting& setting : SettingTable()) {
    if (setting.get(running) == setting.get(wanted)) continue;
    (setting.reloads ? plan.applied : plan.needs_restart).push_back(setting.key);
  }
  return plan;
}

std::string ReloadPlan::ToString() const {
  if (applied.empty() && needs_restart.empty()) return "nothing has changed";
  std::string text;
  if (!applied.empty()) text += fmt::format("in effect now: {}", fmt::join(applied, ", "));
  if (needs_restart.empty()) return text;
  return text + fmt::format("{}needs a restart: {}", text.empty() ? "" : "; ",
                            fmt::join(needs_restart, ", "));
}

}  // namespace raftmq
