// pause-kill and part-kill (choreographies.h): nothing that was acked is lost.
// RAFTMQ_CHOREOGRAPHIES (1): how often each; RAFTMQ_CHOREOGRAPHY_MS (2000): how long each part of
// one lasts.
#include "tests/faults/choreographies.h"

#include <gtest/gtest.h>

#include "tests/faults/fault_test.h"

namespace raftmq::testing {
namespace {

std::chrono::milliseconds TimeOfAPart() {
  return std::chrono::milliseconds(NumberFrom("RAFTMQ_CHOREOGRAPHY_MS", 2'000));
}

class Choreography : public LoopDiskTest {};

TEST_F(Choreography, PauseKillLosesNothing) {
  InPortions({"RAFTMQ_CHOREOGRAPHIES", 1}, [](sim::Choices& choices, std::uint64_t times) {
    ClusterDisks disks(kChoreographyNodes);
    LoadedCluster cluster({.nodes = kChoreographyNodes, .data_directory = disks.directories()});
    for (std::uint64_t time = 0; time < times; ++time)
      PauseKill({cluster, disks, choices, TimeOfAPart()});
    EXPECT_TRUE(IsClean(cluster.Judge()));
  });
}

TEST_F(Choreography, PartKillLosesNothing) {
  InPortions({"RAFTMQ_CHOREOGRAPHIES", 1}, [](sim::Choices& choices, std::uint64_t times) {
    PeerNetwork network(ClusterProcess::nodes(kChoreographyNodes));
    ClusterDisks disks(kChoreographyNodes);
    LoadedCluster cluster(
        {.nodes = kChoreographyNodes, .network = &network, .data_directory = disks.directories()});
    for (std::uint64_t time = 0; time < times; ++time)
      PartKill({cluster, disks, choices, TimeOfAPart()}, network);
    EXPECT_TRUE(IsClean(cluster.Judge()));
  });
}

}  // namespace
}  // namespace raftmq::testing
