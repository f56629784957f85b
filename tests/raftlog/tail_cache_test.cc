#include "raftlog/tail_cache.h"

#include <gtest/gtest.h>

#include <optional>

namespace raftmq {
namespace {

CachedEntry Entry(std::uint64_t index, std::uint64_t base, std::uint64_t end,
                  std::size_t bytes = 100) {
  return {.frame = SharedBytes(ByteBuffer(bytes)),
          .index = Index(index),
          .base_offset = Offset(base),
          .end_offset = Offset(end)};
}

TEST(TailCache, FindsEntriesByIndexAndByOffset) {
  TailCache cache(1000);
  TailCache::Member member(cache);
  member.Add(Entry(5, 10, 12));
  member.Add(Entry(6, 12, 12));  // A control entry.
  member.Add(Entry(7, 12, 15));
  EXPECT_EQ(member.FindIndex(Index(4)), nullptr);
  EXPECT_EQ(member.FindIndex(Index(6))->index, Index(6));
  EXPECT_EQ(member.FindIndex(Index(8)), nullptr);
  EXPECT_EQ(member.FindOffset(Offset(9)), nullptr);
  EXPECT_EQ(member.FindOffset(Offset(11))->index, Index(5));
  EXPECT_EQ(member.FindOffset(Offset(12))->index, Index(7));
  EXPECT_EQ(member.FindOffset(Offset(15)), nullptr);
}

TEST(TailCache, NeverEvictsWhatIsNotDurable) {
  TailCache cache(250);
  TailCache::Member member(cache);
  for (std::uint64_t i = 1; i <= 5; ++i) member.Add(Entry(i, i, i + 1));
  EXPECT_EQ(cache.bytes(), 500u);
  member.SetDurable(Index(2));
  EXPECT_EQ(cache.bytes(), 300u);  // Both durable ones went; the others stay.
  EXPECT_EQ(member.FindIndex(Index(2)), nullptr);
  EXPECT_NE(member.FindIndex(Index(3)), nullptr);
  member.SetDurable(Index(5));
  EXPECT_EQ(cache.bytes(), 200u);
}

TEST(TailCache, EvictsTheOldestOfAllGroups) {
  TailCache cache(250);
  TailCache::Member one(cache);
  TailCache::Member two(cache);
  one.Add(Entry(1, 1, 2));
  one.SetDurable(Index(1));
  two.Add(Entry(1, 1, 2));
  two.SetDurable(Index(1));
  one.Add(Entry(2, 2, 3));
  EXPECT_EQ(one.FindIndex(Index(1)), nullptr);
  EXPECT_NE(two.FindIndex(Index(1)), nullptr);
  EXPECT_NE(one.FindIndex(Index(2)), nullptr);
}

TEST(TailCache, AMemberTakesItsEntriesAlong) {
  TailCache cache(250);
  TailCache::Member stays(cache);
  {
    TailCache::Member goes(cache);
    goes.Add(Entry(1, 1, 2));
    goes.SetDurable(Index(1));
    goes.Add(Entry(2, 2, 3));
    stays.Add(Entry(1, 1, 2));
    stays.SetDurable(Index(1));
  }
  EXPECT_EQ(cache.bytes(), 100u);
  stays.Add(Entry(2, 2, 3));
  stays.Add(Entry(3, 3, 4));
  stays.SetDurable(Index(3));
  EXPECT_EQ(cache.bytes(), 200u);
}

TEST(TailCache, ViewsOutliveEviction) {
  TailCache cache(100);
  TailCache::Member member(cache);
  member.Add(Entry(1, 1, 2));
  const SharedBytes held = member.FindIndex(Index(1))->frame;
  member.SetDurable(Index(1));
  member.Add(Entry(2, 2, 3));
  EXPECT_EQ(member.FindIndex(Index(1)), nullptr);
  EXPECT_EQ(held.size(), 100u);
}

}  // namespace
}  // namespace raftmq
