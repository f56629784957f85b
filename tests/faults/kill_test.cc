// Brokers killed -9 under load, one or all at once: nothing that was acked is lost, nothing is
// stored twice, and all replicas hold the same. RAFTMQ_KILLS (16) and RAFTMQ_KILLS_OF_ALL (4): how
// often.
#include <gtest/gtest.h>

#include "tests/faults/fault_test.h"
#include "tests/faults/loaded_cluster.h"

namespace raftmq::testing {
namespace {

class Kills : public FaultTest {};

TEST_F(Kills, OfRandomNodesLoseNothing) {
  InPortions({"RAFTMQ_KILLS", 16}, [](sim::Choices& choices, std::uint64_t kills) {
    LoadedCluster cluster({});
    for (std::uint64_t kill = 0; kill < kills; ++kill) {
      const NodeId victim = cluster.AnyNode(choices);
      cluster.AwaitAcks(choices);
      cluster.Note("kill " + victim.ToString());
      cluster.processes().Kill(victim);
      if (choices.PerMille(500)) cluster.AwaitAcks(choices);
      cluster.processes().Start(victim);
    }
    EXPECT_TRUE(IsClean(cluster.Judge()));
  });
}

TEST_F(Kills, OfAllNodesAtOnceLoseNothing) {
  InPortions({"RAFTMQ_KILLS_OF_ALL", 4}, [](sim::Choices& choices, std::uint64_t kills) {
    LoadedCluster cluster({});
    for (std::uint64_t kill = 0; kill < kills; ++kill) {
      cluster.AwaitAcks(choices);
      cluster.Note("kill all");
      cluster.processes().KillAll();
      cluster.processes().StartAll();
    }
    EXPECT_TRUE(IsClean(cluster.Judge()));
  });
}

}  // namespace
}  // namespace raftmq::testing
