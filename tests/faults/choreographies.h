// Two sequences of faults on five brokers, in which a majority is up at all times and each half of
// it has seen what only the node in between can know: who forgets what it has synced is found out.
#pragma once

#include <chrono>

#include "tests/broker/peer_network.h"
#include "tests/faults/cluster_disks.h"
#include "tests/faults/loaded_cluster.h"
#include "tests/sim/choices.h"

namespace raftmq::testing {

inline constexpr std::size_t kChoreographyNodes = 5;

// What takes part; each part of it lasts for `time`.
struct Stage {
  LoadedCluster& cluster;
  ClusterDisks& disks;
  sim::Choices& choices;
  std::chrono::milliseconds time;
};

// Two nodes, A, are paused; a while later the power of X, one of the others, is cut, the other two,
// B, are paused, A goes on and X starts; a while later B goes on.
void PauseKill(const Stage& stage);
// The same with A, then B, cut off from all others. `network` is what the brokers reach each other
// through.
void PartKill(const Stage& stage, PeerNetwork& network);

}  // namespace raftmq::testing
