// The words of a history file that reader and writer share.
#pragma once

#include <array>
#include <string_view>

#include "tests/checker/history.h"

namespace raftmq::checker {

inline constexpr std::array<std::string_view, 3> kOutcomes{"ok", "fail", "info"};
inline constexpr std::array<std::string_view, 3> kAssignKinds{"assign", "subscribe", "rebalance"};

inline std::string_view NameOf(Outcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}
inline std::string_view NameOf(Assign::Kind kind) {
  return kAssignKinds[static_cast<std::size_t>(kind)];
}

}  // namespace raftmq::checker
