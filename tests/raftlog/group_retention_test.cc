// Retention while a follower catches up: what it still lacks stays for a while.
#include <gtest/gtest.h>

#include <string>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

constexpr std::int64_t kRetentionBytes = 150'000;
constexpr int kEnough = 20;   // Long messages: more than that, and less than twice as much.
constexpr int kTooMany = 40;  // More than twice.

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

// Small segments, and nothing old in memory.
GroupClusterOptions RetainsBytes() {
  return {.cache_bytes = 0, .segment_bytes = 1, .retention_bytes = kRetentionBytes};
}

void Produce(GroupCluster* cluster, int messages) {
  for (int i = 0; i < messages; ++i) {
    static_cast<void>(cluster->Produce(1, Long(i)));
    cluster->Settle();  // The next segment may have to be prepared.
  }
}

// Node 3 misses what is produced.
void FallBehind(GroupCluster* cluster, int messages) {
  cluster->Elect(1);
  cluster->Isolate(3);
  Produce(cluster, messages);
}

// It answers, but syncs nothing yet.
void Return(GroupCluster* cluster) {
  cluster->Heal();
  cluster->node(3).disk_hangs = true;
  cluster->Heartbeat(1);
}

// Somebody produces, so that a follower without room is not fed over and over again.
void PassOfRetention(GroupCluster* cluster) {
  cluster->node(1).clock.Advance(Milliseconds(1000));
  cluster->node(1).Send(AnyGroupWorld::Batch({"now"}));
  cluster->Heartbeat(1);
}

TEST(GroupRetention, WaitsForAFollowerThatIsFedFromTheFiles) {
  GroupCluster cluster(RetainsBytes());
  FallBehind(&cluster, kEnough);
  Return(&cluster);
  PassOfRetention(&cluster);
  EXPECT_EQ(cluster.group(1).status().log_start, Offset(0));
  EXPECT_EQ(cluster.node(1).metrics.retention_waits.value(), 1u);

  cluster.node(3).disk_hangs = false;
  for (int i = 0; i < 10; ++i) cluster.Heartbeat(1);
  EXPECT_EQ(cluster.group(3).status().end, cluster.group(1).status().end);
  EXPECT_EQ(cluster.node(3).metrics.resets.value(), 0u);
  PassOfRetention(&cluster);
  EXPECT_GT(cluster.group(1).status().log_start, Offset(0));
}

TEST(GroupRetention, DoesNotWaitForAFollowerThatIsAway) {
  GroupCluster cluster(RetainsBytes());
  FallBehind(&cluster, kEnough);
  for (int i = 0; i < 8; ++i) cluster.Heartbeat(1);
  PassOfRetention(&cluster);
  EXPECT_GT(cluster.group(1).status().log_start, Offset(0));
  EXPECT_EQ(cluster.node(1).metrics.retention_waits.value(), 0u);
}

TEST(GroupRetention, DoesNotWaitForAFollowerThatIsFedFromTheCache) {
  GroupClusterOptions options = RetainsBytes();
  options.cache_bytes = 1u << 20;
  GroupCluster cluster(options);
  FallBehind(&cluster, kEnough);
  Return(&cluster);
  PassOfRetention(&cluster);
  EXPECT_GT(cluster.group(1).status().log_start, Offset(0));
}

TEST(GroupRetention, WaitsNoLongerWhenTheLogIsTwiceAsLargeAsItShould) {
  GroupCluster cluster(RetainsBytes());
  FallBehind(&cluster, kTooMany);
  Return(&cluster);
  PassOfRetention(&cluster);
  EXPECT_GT(cluster.group(1).status().log_start, Offset(0));
  EXPECT_GT(cluster.group(1).status().size_bytes, std::uint64_t{kRetentionBytes} * 3 / 2);
}

TEST(GroupRetention, DoesNotWaitWhenTheDiskIsFull) {
  GroupCluster cluster(RetainsBytes());
  FallBehind(&cluster, kEnough);
  Return(&cluster);
  cluster.node(1).files->SetCapacity(1);
  for (int i = 0; i < 8; ++i) static_cast<void>(cluster.Produce(1, Long(i)));
  PassOfRetention(&cluster);
  EXPECT_GT(cluster.group(1).status().log_start, Offset(0));
}

TEST(GroupRetention, ATrimIsNotHeld) {
  GroupCluster cluster(RetainsBytes());
  FallBehind(&cluster, kEnough);
  Return(&cluster);
  cluster.group(1).Trim(Offset(kEnough - 1), [](const Result<Offset>&) {});
  cluster.Settle();
  EXPECT_EQ(cluster.group(1).status().log_start, Offset(kEnough - 1));
}

}  // namespace
}  // namespace raftmq
