#include "raftlog/tail_cache.h"

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"

namespace raftmq {

void TailCache::Evict() {
  while (bytes() > bytes_max_ && !evictable_.empty()) {
    Member* const member = evictable_.front();
    evictable_.pop_front();
    member->DropOldest();
  }
}

TailCache::Member::~Member() {
  std::erase(cache_.evictable_, this);
  durable_count_ = entries_.size();
  while (!entries_.empty()) DropOldest();
}

void TailCache::Member::Add(CachedEntry entry) {
  RAFTMQ_CHECK(entries_.empty() || entry.index == entries_.back().index.Next());
  RAFTMQ_CHECK(entries_.empty() || entry.base_offset == entries_.back().end_offset);
  cache_.bytes_.Add(entry.frame.size());
  entries_.push_back(std::move(entry));
  cache_.Evict();
}

void TailCache::Member::TruncateAfter(Index last_kept) {
  while (!entries_.empty() && entries_.back().index > last_kept) {
    if (durable_count_ == entries_.size()) {
      --durable_count_;
      // Any of this member's items: they only say whose oldest entry goes next.
      cache_.evictable_.erase(std::ranges::find(cache_.evictable_, this));
    }
    cache_.bytes_.Set(cache_.bytes() - entries_.back().frame.size());
    entries_.pop_back();
  }
}

void TailCache::Member::SetDurable(Index durable) {
  while (durable_count_ < entries_.size() && entries_[durable_count_].index <= durable) {
    ++durable_count_;
    cache_.evictable_.push_back(this);
  }
  cache_.Evict();
}

const CachedEntry* TailCache::Member::FindIndex(Index index) const {
  if (entries_.empty() || index < entries_.front().index || index > entries_.back().index)
    return nullptr;
  return &entries_[static_cast<std::size_t>(index.value() - entries_.front().index.value())];
}

const CachedEntry* TailCache::Member::FindOffset(Offset offset) const {
  // The first entry that ends beyond the offset: control entries before it end at its base.
  const auto found = std::upper_bound(
      entries_.begin(), entries_.end(), offset,
      [](Offset wanted, const CachedEntry& entry) { return wanted < entry.end_offset; });
  if (found == entries_.end() || found->base_offset > offset) return nullptr;
  return &*found;
}

void TailCache::Member::DropOldest() {
  RAFTMQ_CHECK(durable_count_ > 0);
  --durable_count_;
  cache_.bytes_.Set(cache_.bytes() - entries_.front().frame.size());
  entries_.pop_front();
}

}  // namespace raftmq
