#include "segment/log_compare.h"

#include <algorithm>

#include "protocol/types/check.h"

namespace raftmq {

void LogOutline::Add(const CheckedEntry& entry) {
  const Index index = entry.header.leader.index;
  if (header_hashes.empty()) first = index;
  RAFTMQ_CHECK(index >= first);
  header_hashes.resize(std::max(header_hashes.size(), index.value() - first.value() + 1));
  header_hashes[index.value() - first.value()] = entry.header.header_hash;
}

std::uint64_t LogOutline::HashAt(Index index) const {
  if (index < first || index.value() - first.value() >= header_hashes.size()) return 0;
  return header_hashes[index.value() - first.value()];
}

LogComparison CompareLogs(const std::vector<LogOutline>& outlines) {
  LogComparison comparison;
  Index from(~std::uint64_t{0});
  Index end;
  Index committed;
  for (const LogOutline& outline : outlines) {
    if (outline.header_hashes.empty()) continue;
    from = std::min(from, outline.first);
    end = std::max(end, outline.first.Plus(outline.header_hashes.size()));
    committed = std::max(committed, outline.committed);
  }
  for (Index index = from; index < end; index = index.Next()) {
    std::optional<std::size_t> holder;
    bool is_shared = false;
    for (std::size_t i = 0; i < outlines.size(); ++i) {
      const std::uint64_t hash = outlines[i].HashAt(index);
      if (hash == 0) continue;
      is_shared = is_shared || holder;
      if (!holder) holder = i;
      if (hash == outlines[*holder].HashAt(index)) continue;
      comparison.difference = {index, *holder, i, index <= committed};
      return comparison;
    }
    comparison.entries += is_shared ? 1 : 0;
  }
  return comparison;
}

}  // namespace raftmq
