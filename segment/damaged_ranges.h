// The damaged runs of a log, and how knowledge of them grows and shrinks.
#pragma once

#include <vector>

#include "segment/partition_log.h"

namespace raftmq {

// Adds a range to `ranges`, which are sorted and disjoint and stay so. Ranges that overlap become
// one, which ends where the longer one does and knows of its end what either knew. A range whose
// end's hash is unknown is joined to the one that follows it at once: only whoever has the end can
// prove that he has the run.
void AddDamage(std::vector<DamagedRange>* ranges, DamagedRange added);

// The entries from `first` up to `last`, behind which `next_offset` comes, are whole again.
struct WholeAgain {
  Index first, last;
  Offset next_offset;
};
void RemoveDamage(std::vector<DamagedRange>* ranges, const WholeAgain& whole);

}  // namespace raftmq
