// The power of brokers' disks cut under load, of one or of all at once: nothing that was acked is
// lost, nothing is stored twice, and all replicas hold the same. RAFTMQ_POWER_CUTS (4),
// RAFTMQ_POWER_CUTS_OF_ALL (2), RAFTMQ_LUCKY_POWER_CUTS (4): how often.
#include <gtest/gtest.h>

#include <array>

#include "tests/faults/cluster_disks.h"
#include "tests/faults/fault_test.h"
#include "tests/faults/loaded_cluster.h"

namespace raftmq::testing {
namespace {

using Luck = LoopDisk::Luck;

class PowerCuts : public LoopDiskTest {
 protected:
  static void CutOne(LoadedCluster& cluster, ClusterDisks& disks, Luck luck,
                     sim::Choices& choices) {
    const NodeId victim = cluster.AnyNode(choices);
    cluster.AwaitAcks(choices);
    cluster.Note("power cut of " + victim.ToString());
    disks.CutPower(cluster.processes(), victim, luck, choices);
    if (choices.PerMille(500)) cluster.AwaitAcks(choices);
    cluster.processes().Start(victim);
  }
  static void CutAll(LoadedCluster& cluster, ClusterDisks& disks, Luck luck,
                     sim::Choices& choices) {
    cluster.AwaitAcks(choices);
    cluster.Note("power cut of all");
    disks.CutPowerOfAll(cluster.processes(), luck, choices);
    cluster.processes().StartAll();
  }
};

// tests/run.sh asks it before all others.
TEST_F(PowerCuts, CanBeTriedHere) {}

TEST_F(PowerCuts, OfRandomNodesLoseNothing) {
  InPortions({"RAFTMQ_POWER_CUTS", 4}, [](sim::Choices& choices, std::uint64_t cuts) {
    ClusterDisks disks(ClusterProcess::kNodes);
    LoadedCluster cluster({.data_directory = disks.directories()});
    for (std::uint64_t cut = 0; cut < cuts; ++cut) CutOne(cluster, disks, Luck::kNone, choices);
    EXPECT_TRUE(IsClean(cluster.Judge()));
  });
}

TEST_F(PowerCuts, OfAllNodesAtOnceLoseNothing) {
  InPortions({"RAFTMQ_POWER_CUTS_OF_ALL", 2}, [](sim::Choices& choices, std::uint64_t cuts) {
    ClusterDisks disks(ClusterProcess::kNodes);
    LoadedCluster cluster({.data_directory = disks.directories()});
    for (std::uint64_t cut = 0; cut < cuts; ++cut) CutAll(cluster, disks, Luck::kNone, choices);
    EXPECT_TRUE(IsClean(cluster.Judge()));
  });
}

// More than what was synced is there, and in any order: the disk is more than recovery expects.
TEST_F(PowerCuts, ThatLeaveSomeOfWhatWasNotSyncedLoseNothing) {
  constexpr std::array kLuck{Luck::kSome, Luck::kSome, Luck::kJournal, Luck::kAll};
  InPortions({"RAFTMQ_LUCKY_POWER_CUTS", 4}, [&](sim::Choices& choices, std::uint64_t cuts) {
    ClusterDisks disks(ClusterProcess::kNodes);
    LoadedCluster cluster({.data_directory = disks.directories()});
    for (std::uint64_t cut = 0; cut < cuts; ++cut) {
      const Luck luck = kLuck.at(choices.Below(kLuck.size()));
      choices.PerMille(500) ? CutOne(cluster, disks, luck, choices)
                            : CutAll(cluster, disks, luck, choices);
    }
    EXPECT_TRUE(IsClean(cluster.Judge()));
  });
}

}  // namespace
}  // namespace raftmq::testing
