// Rules switched off on purpose, to show that the simulator would notice. They live in its own
// seams (the file system, what a restart is told), never in the product.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace raftmq::sim {

enum class Mutant : std::uint8_t {
  kNone,
  kHardStateNotSynced,    // Term and vote leave before they are durable.
  kLogNotSynced,          // So do acks.
  kRecoveryNotSynced,     // What recovery reads counts as durable without a sync.
  kOneHardStateCopy,      // The second copy of term and vote is never written.
  kLostDirectoryFounded,  // A listed replica without its directory begins anew.
};

inline constexpr std::array<std::pair<std::string_view, Mutant>, 5> kMutants{{
    {"hard-state-not-synced", Mutant::kHardStateNotSynced},
    {"log-not-synced", Mutant::kLogNotSynced},
    {"recovery-not-synced", Mutant::kRecoveryNotSynced},
    {"one-hard-state-copy", Mutant::kOneHardStateCopy},
    {"lost-directory-founded", Mutant::kLostDirectoryFounded},
}};

}  // namespace raftmq::sim
