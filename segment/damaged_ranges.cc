#include "segment/damaged_ranges.h"

#include <algorithm>
#include <utility>

namespace raftmq {
namespace {

// REQUIRES: one does not begin behind the other.
bool AreOne(const DamagedRange& one, const DamagedRange& other) {
  if (other.first <= one.last) return true;
  return other.first == one.last.Next() && one.last_hash == 0;
}

// REQUIRES: one does not begin behind the other.
DamagedRange Joined(DamagedRange one, DamagedRange other) {
  const bool knows_more = other.last == one.last && one.last_hash == 0;
  if (other.last > one.last || knows_more) {
    one.last = other.last;
    one.end_offset = other.end_offset;
    one.last_hash = other.last_hash;
    one.term_max = other.term_max;
  }
  return one;
}

}  // namespace

void AddDamage(std::vector<DamagedRange>* ranges, DamagedRange added) {
  ranges->push_back(std::move(added));
  std::ranges::stable_sort(*ranges, {}, &DamagedRange::first);
  std::vector<DamagedRange> joined;
  for (DamagedRange& range : *ranges) {
    if (joined.empty() || !AreOne(joined.back(), range)) {
      joined.push_back(std::move(range));
    } else {
      joined.back() = Joined(std::move(joined.back()), std::move(range));
    }
  }
  *ranges = std::move(joined);
}

void RemoveDamage(std::vector<DamagedRange>* ranges, const WholeAgain& whole) {
  for (DamagedRange& range : *ranges) {
    if (range.first < whole.first || range.first > whole.last || range.last <= whole.last) continue;
    range.first = whole.last.Next();
    range.first_offset = whole.next_offset;
  }
  std::erase_if(*ranges, [&whole](const DamagedRange& range) {
    return range.first >= whole.first && range.last <= whole.last;
  });
}

}  // namespace raftmq
