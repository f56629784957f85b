// A disk for each broker of a cluster, whose power can be cut while it runs.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/types/ids.h"
#include "tests/broker/broker_process.h"
#include "tests/broker/cluster_process.h"
#include "tests/faults/loop_disk.h"
#include "tests/sim/choices.h"

namespace raftmq::testing {

// Used by one thread. Outlives the cluster, which is passed to each call.
class ClusterDisks {
 public:
  explicit ClusterDisks(std::size_t nodes);
  // Keeps the images if the test has failed.
  ~ClusterDisks();
  ClusterDisks(const ClusterDisks&) = delete;
  ClusterDisks& operator=(const ClusterDisks&) = delete;

  // For ClusterProcess: where each broker keeps its data.
  std::function<std::string(NodeId)> directories() const {
    return [this](NodeId node) { return mount_point(node) + "/data"; };
  }
  // Cuts the power of one broker, or of all as close together as one thread can; the machines are
  // on again then, the brokers are not started. What dies first, disk or process, is drawn.
  void CutPower(ClusterProcess& cluster, NodeId node, LoopDisk::Luck luck, sim::Choices& choices);
  void CutPowerOfAll(ClusterProcess& cluster, LoopDisk::Luck luck, sim::Choices& choices);
  // See LoopDisk::Sync; of all.
  void Sync();

 private:
  std::string mount_point(NodeId node) const { return root_.path() + "/disk-" + node.ToString(); }
  LoopDisk& At(NodeId node) { return *disks_.at(node.value() - 1); }

  TemporaryDirectory root_;
  std::vector<std::unique_ptr<LoopDisk>> disks_;
};

}  // namespace raftmq::testing
