// Whom a replica asks for the entries that it holds damaged, and what the answers mean (DESIGN.md,
// "Damage and repair"). No I/O, no clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "protocol/types/clock.h"
#include "protocol/types/ids.h"
#include "protocol/types/membership.h"
#include "raftlog/transport.h"
#include "segment/partition_log.h"

namespace raftmq {

// Of one replica. One question is under way at a time. Value type.
class DamageRepair {
 public:
  // After this time a question counts as lost.
  static constexpr Microseconds kAnswerTimeout = std::chrono::seconds(1);
  // All others have been asked in vain: they are asked again after this time.
  static constexpr Microseconds kRetryPause = std::chrono::seconds(1);

  struct Situation {
    Microseconds now{0};
    const std::vector<DamagedRange>& damage;
    Index commit;
    const Membership& members;
    bool knows_members = true;  // No damaged entry may say otherwise.
    bool needs_whole = false;   // A part of a run does not tell where its entries stood.
    ReplicaId self;
  };
  // The question to send now, but for its id. nullopt: one is under way, or there is nobody to ask.
  std::optional<RepairRequest> Next(const Situation& situation);
  // The asked replica's answer. REQUIRES: the question was the last one of Next. After kHave it may
  // be asked for the rest, for which it has time anew.
  void Answered(RepairReply::Answer answer, Microseconds now);
  // The same, where its answer holds for the beginning of the range only, which was split: each
  // part is asked for by itself.
  void WasSplit();
  // What came with an answer kHave was written, or was no good: then that replica counts as one
  // that cannot help for now.
  void Tried(bool is_repaired);

  // True once all other voters have said that they hold all these entries damaged as well, and
  // until one of them is asked again with more success: no good copy is left. Never where the first
  // of them is not committed.
  bool IsHopeless(const DamagedRange& range) const;
  // True once a replica has said that these entries, all committed, lie before its log's start:
  // that has been committed, too, and nobody misses them any more.
  bool IsRemoved(const DamagedRange& range) const;
  bool IsAsking() const { return asked_.has_value(); }

 private:
  struct Attempt {
    Index last;                                        // Of the range that the rest is about.
    std::map<ReplicaId, RepairReply::Answer> answers;  // In this round.
    Microseconds pause_until{0};
    bool is_by_hash = false;             // What this round asks for, where there is a choice.
    bool is_beginning_hopeless = false;  // What of it is committed.
    bool is_hopeless = false;
    bool is_removed = false;
  };
  struct Asked {
    Index first;  // Of the damaged range.
    ReplicaId to;
    Microseconds due{0};
    bool is_committed = false;  // All of it.
  };
  Attempt& AttemptFor(const DamagedRange& range, const Situation& situation);
  const Attempt* Find(const DamagedRange& range) const;
  static bool HasOnlyDamaged(const Attempt& attempt, const Situation& situation);
  std::optional<ReplicaId> NextToAsk(const Attempt& attempt, const Situation& situation) const;

  std::map<Index, Attempt> attempts_;  // By the first entry of a range.
  std::optional<Asked> asked_;
};

}  // namespace raftmq
