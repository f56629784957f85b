// Rules switched off on purpose, to show that the simulator would notice. They live in its own
// seams (the file system, what a restart is told, the operator); those of sessions in the product's
// (SessionFaults).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace raftmq::sim {

enum class Mutant : std::uint8_t {
  kNone,
  kHardStateNotSynced,    // Term and vote leave before they are durable.
  kLogNotSynced,          // So do acks.
  kRecoveryNotSynced,     // What recovery reads counts as durable without a sync.
  kOneHardStateCopy,      // The second copy of term and vote is never written.
  kLostDirectoryFounded,  // A node whose disk was replaced founds its replicas anew.
  kManifestNotKept,       // So does one that lost a directory: its manifest was never written.
  kReplicaNumberReused,   // A replica that takes another's place takes its number, too.
  kJoinerVotesAlone,      // A replica that joins later founds a log in which it is the voter.
  kDuplicateAckedEarly,   // A retry is acked while its original is not committed yet (M16).
  kSessionsLostAtCuts,    // A truncation takes the sessions with it (M17).
  kSessionsLostAtResets,  // So does a reset (M21).
  kOpeningsFenceNobody,   // Batches of lower epochs are stored behind a takeover.
  kMessageIdsLostAtCuts,  // A truncation takes the message ids with it.
  // A message whose id is in the log, but not committed, is stored.
  kMessageIdsUnderWayOverlooked,
  kDamageAckedOver,  // A replica acks entries that it knows to be damaged.
  kDamageNotMarked,  // What the scrubber finds is forgotten, so that nobody repairs it.
};

// `rule`: the oracle that has to notice it, named as in DESIGN.md.
struct MutantRule {
  std::string_view name;
  Mutant mutant = Mutant::kNone;
  std::string_view rule;
};

inline constexpr std::array<MutantRule, 16> kMutants{{
    {"hard-state-not-synced", Mutant::kHardStateNotSynced, "I-02"},
    {"log-not-synced", Mutant::kLogNotSynced, "I-16"},
    {"recovery-not-synced", Mutant::kRecoveryNotSynced, "I-16"},
    {"one-hard-state-copy", Mutant::kOneHardStateCopy, "I-02"},
    {"lost-directory-founded", Mutant::kLostDirectoryFounded, "I-11"},
    {"manifest-not-kept", Mutant::kManifestNotKept, "I-11"},
    {"replica-number-reused", Mutant::kReplicaNumberReused, "I-11"},
    {"joiner-votes-alone", Mutant::kJoinerVotesAlone, "I-03"},
    {"duplicate-acked-early", Mutant::kDuplicateAckedEarly, "I-32"},
    {"sessions-lost-at-cuts", Mutant::kSessionsLostAtCuts, "I-23"},
    {"sessions-lost-at-resets", Mutant::kSessionsLostAtResets, "I-23"},
    {"openings-fence-nobody", Mutant::kOpeningsFenceNobody, "I-33"},
    {"message-ids-lost-at-cuts", Mutant::kMessageIdsLostAtCuts, "I-23"},
    {"message-ids-under-way-overlooked", Mutant::kMessageIdsUnderWayOverlooked, "message-id"},
    {"damage-acked-over", Mutant::kDamageAckedOver, "I-19"},
    {"damage-not-marked", Mutant::kDamageNotMarked, "I-13"},
}};

}  // namespace raftmq::sim
