// What a running broker does with a configuration that was read again.
#pragma once

#include <string>
#include <vector>

#include "broker/config/settings.h"

namespace raftmq {

struct ReloadPlan {
  std::vector<std::string> applied;        // Changed keys that take effect at once.
  std::vector<std::string> needs_restart;  // Changed keys that do not.
  std::string ToString() const;            // For the log.
};

// Pure. Which settings differ, by what Setting::reloads says of them.
ReloadPlan PlanReload(const BrokerSettings& running, const BrokerSettings& wanted);

}  // namespace raftmq
