// All parts of a run, for all parts of a run.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/sim/choices.h"
#include "tests/sim/client_history.h"
#include "tests/sim/coverage.h"
#include "tests/sim/mutant.h"
#include "tests/sim/partition_truth.h"
#include "tests/sim/scenario.h"
#include "tests/sim/session_catalogue.h"
#include "tests/sim/timeline.h"
#include "tests/sim/verdict.h"

namespace raftmq::sim {

class Network;
class Node;

struct Cluster {
  Cluster(Choices& choices, const Scenario& scenario, Coverage& coverage, Mutant mutant);
  ~Cluster();

  Choices& choices;
  const Scenario scenario;
  Coverage& coverage;
  const Mutant mutant;
  Verdict verdict;
  Digest digest;
  Timeline timeline;
  ClientHistory history{timeline};
  std::uint64_t events = 0;
  bool is_calm = false;   // No faults any more: the liveness phase.
  bool is_quiet = false;  // And nobody produces any more.
  DiskOptions disk;       // As in the scenario, until it is calm.
  bool is_verbose = false;
  SessionCatalogue sessions;
  std::vector<std::unique_ptr<PartitionTruth>> partitions;
  std::unique_ptr<Network> network;
  std::vector<std::unique_ptr<Node>> nodes;  // [i] is node i + 1. Destroyed before all others.

  Node& node(NodeId id) { return *nodes[id.value() - 1]; }
  NodeId PickNode() { return NodeId(static_cast<std::uint32_t>(1 + choices.Below(nodes.size()))); }
  std::uint32_t PickPartition() {
    return static_cast<std::uint32_t>(choices.Below(partitions.size()));
  }
  // Something has happened: a message, a timer, a completion, a client's operation.
  void Event(std::uint64_t what) {
    ++events;
    digest.Add(timeline.now());
    digest.Add(what);
  }
};

}  // namespace raftmq::sim
