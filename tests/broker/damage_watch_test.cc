#include "broker/scrub/damage_watch.h"

#include <gtest/gtest.h>

namespace raftmq::broker {
namespace {

const GroupId kGroup{{1, 2}, PartitionNumber(0)};

DamagedRange Range(std::uint64_t first, std::uint64_t last) {
  DamagedRange range;
  range.first = Index(first);
  range.last = Index(last);
  range.first_offset = Offset(first * 10);
  range.end_offset = Offset(last * 10 + 10);
  range.what = "hash";
  return range;
}

TEST(DamageWatch, CountsWhatComesAndGoes) {
  DamageWatch watch;
  watch.Update(kGroup, "orders/0", {Range(3, 5), Range(8, 8)});
  EXPECT_EQ(watch.found(), 2u);
  EXPECT_EQ(watch.Open().size(), 2u);
  EXPECT_EQ(watch.Open().front(), (KnownDamage{"orders/0", Offset(30), Offset(60), "hash"}));
  watch.Update(kGroup, "orders/0", {Range(8, 8)});
  EXPECT_EQ(watch.repaired(), 1u);
  watch.Update(kGroup, "orders/0", {});
  EXPECT_EQ(watch.repaired(), 2u);
  EXPECT_EQ(watch.found(), 2u);
  EXPECT_TRUE(watch.Open().empty());
}

TEST(DamageWatch, ARangeThatGrowsOrShrinksIsTheSame) {
  DamageWatch watch;
  watch.Update(kGroup, "orders/0", {Range(3, 5)});
  watch.Update(kGroup, "orders/0", {Range(2, 7)});
  watch.Update(kGroup, "orders/0", {Range(6, 7)});
  EXPECT_EQ(watch.found(), 1u);
  EXPECT_EQ(watch.repaired(), 0u);
}

TEST(DamageWatch, WhatIsRepairedBeforeTheNextUpdateCountsOnce) {
  DamageWatch watch;
  watch.Add(kGroup, "orders/0", Range(5, 9));
  watch.Add(kGroup, "orders/0", Range(8, 9));
  EXPECT_EQ(watch.found(), 1u);
  EXPECT_EQ(watch.Open().size(), 1u);
  watch.Update(kGroup, "orders/0", {Range(5, 9)});
  watch.Update(kGroup, "orders/0", {});
  watch.Add(kGroup, "orders/0", Range(5, 9));  // Again.
  watch.Update(kGroup, "orders/0", {});
  EXPECT_EQ(watch.found(), 2u);
  EXPECT_EQ(watch.repaired(), 2u);
  EXPECT_TRUE(watch.Open().empty());
}

TEST(DamageWatch, WhatWentWithItsPartitionWasNotRepaired) {
  DamageWatch watch;
  watch.Update(kGroup, "orders/0", {Range(3, 5)});
  watch.Forget(kGroup);
  EXPECT_TRUE(watch.Open().empty());
  EXPECT_EQ(watch.repaired(), 0u);
}

TEST(DamageWatch, ABadFileIsOneDamageUntilItIsWhole) {
  DamageWatch watch;
  watch.FileIsWhole("/data/node");
  watch.FileIsBad("/data/node", "hash");
  watch.FileIsBad("/data/node", "hash");
  EXPECT_EQ(watch.found(), 1u);
  EXPECT_EQ(watch.Open().size(), 1u);
  watch.FileIsWhole("/data/node");
  EXPECT_EQ(watch.repaired(), 1u);
  EXPECT_TRUE(watch.Open().empty());
}

}  // namespace
}  // namespace raftmq::broker
