// Replicas of one log, entry by entry: for the offline tools. An entry's header hash covers its
// payload's hash and the entry before it, so equal hashes of whole entries are equal bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/types/ids.h"
#include "segment/log_check.h"

namespace raftmq {

// What one replica holds: 8 bytes per entry.
struct LogOutline {
  std::string path;
  Index committed;                           // LogCheck::committed.
  Index first;                               // Of hashes[0].
  std::vector<std::uint64_t> header_hashes;  // By index; 0 = no whole entry.

  void Add(const CheckedEntry& entry);
  // 0 if it has none there.
  std::uint64_t HashAt(Index index) const;
};

// Two replicas that hold different entries at one index.
struct LogDifference {
  Index index;
  std::size_t one = 0, other = 0;  // Their places among the outlines.
  // Some replica knows that the entry there is committed; else one of them is still to be cut off.
  bool is_committed = false;
};

struct LogComparison {
  std::uint64_t entries = 0;                // That more than one replica holds.
  std::optional<LogDifference> difference;  // The first one.
};

LogComparison CompareLogs(const std::vector<LogOutline>& outlines);

}  // namespace raftmq
