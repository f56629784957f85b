// The newest batches of a shard's groups as they were received, for consumers at the end of the
// log and for whoever needs an entry before it can be read from the file.
//
// Bounded in bytes over all groups. An entry that is not durable yet is never evicted: its bytes
// are bounded by what the groups admit as pending. Durable entries go oldest first, in the order in
// which they became durable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "protocol/types/bytes.h"
#include "protocol/types/counter.h"
#include "protocol/types/ids.h"

namespace raftmq {

// One entry of a log, as the cache keeps it.
struct CachedEntry {
  SharedBytes frame;  // Padded.
  Index index;
  Offset base_offset;
  Offset end_offset;  // = base_offset for a control entry.
};

// Shard-affine. Must outlive its members.
class TailCache {
 public:
  class Member;

  explicit TailCache(std::size_t bytes_max = 32u << 20) : bytes_max_(bytes_max) {}
  TailCache(const TailCache&) = delete;
  TailCache& operator=(const TailCache&) = delete;

  std::size_t bytes() const { return bytes_.value(); }
  const Counter& bytes_gauge() const { return bytes_; }

 private:
  void Evict();

  std::size_t bytes_max_;
  Counter bytes_;
  // One item per durable entry in the cache: its owner, whose oldest entry it is when its turn
  // comes, since each member's entries become durable in order.
  std::deque<Member*> evictable_;
};

// The entries of one group: a run of consecutive indexes that ends with the last one added.
// Shard-affine; takes its entries along when destroyed.
class TailCache::Member {
 public:
  explicit Member(TailCache& cache) : cache_(cache) {}
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  // REQUIRES: the entry follows the last one added.
  void Add(CachedEntry entry);
  // Drops all entries above `last_kept`.
  void TruncateAfter(Index last_kept);
  // All entries up to `durable` may be evicted from now on.
  void SetDurable(Index durable);

  // Null if the entry is not here. Valid until the next call that is not const.
  const CachedEntry* FindIndex(Index index) const;
  // The data entry that holds `offset`; null if it is not here.
  const CachedEntry* FindOffset(Offset offset) const;

 private:
  friend class TailCache;
  void DropOldest();

  TailCache& cache_;
  std::deque<CachedEntry> entries_;
  std::size_t durable_count_ = 0;  // Entries at the front that are durable.
};

}  // namespace raftmq
