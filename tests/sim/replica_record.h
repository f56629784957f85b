// What the simulator knows of one replica: its log as it stands, what of it is synced, and what it
// has promised to others. Outlives the replica's processes, as their promises do.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/hard_state.h"
#include "protocol/types/ids.h"
#include "protocol/types/membership.h"
#include "raftlog/core/messages.h"
#include "tests/sim/coverage.h"

namespace raftmq::sim {

// An entry's identity. The hash covers the chain, and so all entries before it.
struct EntryId {
  Term term;
  std::uint64_t hash = 0;
  std::uint64_t payload_hash = 0;
  EntryKind kind = EntryKind::kData;
  Offset base, end;

  static EntryId Of(const BatchHeader& header) {
    return {header.leader.term,   header.header_hash,        header.payload_hash,
            header.producer.kind, header.leader.base_offset, header.end_offset()};
  }
  bool operator==(const EntryId&) const = default;
};

// A run of entries that were damaged on purpose, and not seen whole since.
struct DamagedEntries {
  Index first, last;
};

struct ReplicaRecord {
  ReplicaId id;
  // [i] has index i + 1; with all that is staged. What lies before the log's first entry is
  // committed, and stands here as it was committed.
  std::vector<EntryId> entries;
  Index first = Index(1);                 // Of the log.
  bool was_reset = false;                 // The log was dropped, and began anew there.
  std::vector<MembershipAt> memberships;  // In the log; the first is that of its founding.
  Index durable;                          // Of completed jobs.
  HardState staged_state;
  HardState durable_state;  // The same.
  std::vector<DamagedEntries> damaged;
  bool may_be_lost = false;   // With that its log has no checkpoint to begin with any more.
  bool is_repairing = false;  // A job that repairs was taken, and has not come back.

  // Promises: they hold through every crash.
  Term sent_term;       // Greatest that it bore in a message.
  HardState sent_vote;  // Last vote that it gave to another or asked others to follow.
  // End of the log when damaged entries were cut off: it votes by that until the log reaches
  // further.
  Term promised_term;
  Index promised;

  // Of its present life.
  std::optional<Mark> been_through;  // What may have changed its state; until somebody looks at it.
  std::uint64_t looked_at = 0;       // Hash of its last entry when somebody did.
  Index commit;
  bool is_leader = false;
  std::uint64_t ticks = 0;                // Of its process.
  std::map<NodeId, std::uint64_t> heard;  // At which of them each node was heard last.
  std::uint64_t lonely_since = 0;         // The same, of a leader without a majority.
  bool found_unsynced = false;            // It began with entries that no job had synced.
  bool began_damaged = false;             // The same with damage.
  bool awaits_group = false;              // No group has looked at its log since it was opened.
  std::vector<DamagedEntries> named;      // What its group called damaged after its last tick.
  Index first_damaged;                    // That its group knew of after its last tick; 0 = none.
  // What each candidate asked in its highest term: requests of earlier ones may come late, while
  // the answer still waits for the vote to be durable.
  std::map<NodeId, std::pair<Term, VoteRequest>> asked;

  Index last() const { return Index(entries.size()); }
  const EntryId& At(Index index) const { return entries[index.value() - 1]; }
  const Membership& membership() const { return memberships.back().membership; }
  bool Holds(Index index, const EntryId& entry) const {
    return index <= last() && At(index) == entry;
  }
  bool IsDamagedAt(Index index) const {
    return std::ranges::any_of(damaged, [index](const DamagedEntries& run) {
      return run.first <= index && index <= run.last;
    });
  }
  bool HoldsDurably(Index index, const EntryId& entry) const {
    return index <= durable && Holds(index, entry);
  }
};

}  // namespace raftmq::sim
