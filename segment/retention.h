// Which part of a log its topic's settings still want. A pure function; the leader asks and moves
// the log start by an entry.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/types/ids.h"
#include "segment/partition_log.h"

namespace raftmq {

struct RetentionSettings {
  std::int64_t retention_ms = -1;     // Age of a segment's newest record; -1 = for ever.
  std::int64_t retention_bytes = -1;  // Of the whole log's used bytes; -1 = no bound.
};

struct RetentionMoment {
  std::int64_t now_ms = 0;
  Offset log_start;
  Offset end;  // Next offset to be committed.
  // The first that a replica which is catching up still lacks; nullopt if there is none.
  std::optional<Offset> awaited;
};

// A log waits for that replica until it has this many times the bytes, or the age, that its
// settings want.
inline constexpr std::int64_t kAwaitedRetention = 2;

// The new log start, above the one now, or nullopt if it stays. Whole segments go, oldest first:
// by bytes as many as are too many, never the active one; by age at most one per call, so that a
// clock that jumps cannot empty a log at once. An active segment whose records are all too old
// gives up its records, not its file. What a replica that is catching up lacks stays, up to
// kAwaitedRetention. REQUIRES: `segments` oldest first, as from
// PartitionLog::Segments.
std::optional<Offset> RetainFrom(const std::vector<PartitionLog::SegmentInfo>& segments,
                                 const RetentionSettings& settings, const RetentionMoment& moment);

}  // namespace raftmq
