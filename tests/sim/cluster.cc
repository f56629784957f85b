#include "tests/sim/cluster.h"

#include "tests/sim/network.h"
#include "tests/sim/node.h"

namespace raftmq::sim {

Cluster::Cluster(Choices& random, const Scenario& drawn, Coverage& reached, Mutant switched_off)
    : choices(random),
      scenario(drawn),
      coverage(reached),
      mutant(switched_off),
      disk(drawn.disk),
      network(std::make_unique<Network>(*this)) {
  for (std::uint32_t i = 1; i <= scenario.nodes; ++i)
    nodes.push_back(std::make_unique<Node>(*this, NodeId(i)));
}

Cluster::~Cluster() { nodes.clear(); }

}  // namespace raftmq::sim
