#include "tests/faults/cluster_disks.h"

#include <iostream>

#include "tests/faults/fault_test.h"

namespace raftmq::testing {

ClusterDisks::ClusterDisks(std::size_t nodes) {
  for (const NodeId node : ClusterProcess::nodes(nodes)) {
    const std::string image = root_.path() + "/image-" + node.ToString();
    disks_.push_back(std::make_unique<LoopDisk>(LoopDisk::Paths{image, mount_point(node)}));
  }
}

ClusterDisks::~ClusterDisks() {
  if (!HasFailed()) return;
  root_.Keep();
  std::cout << "the disks, to be mounted with -o loop: " << root_.path() << "/image-*\n";
}

void ClusterDisks::CutPower(ClusterProcess& cluster, NodeId node, LoopDisk::Luck luck,
                            sim::Choices& choices) {
  At(node).PrepareCut(luck, choices);
  const bool disk_dies_first = choices.PerMille(500);
  if (disk_dies_first) At(node).CutPower(luck);
  cluster.Kill(node);
  if (!disk_dies_first) At(node).CutPower(luck);
  At(node).PowerOn();
}

void ClusterDisks::CutPowerOfAll(ClusterProcess& cluster, LoopDisk::Luck luck,
                                 sim::Choices& choices) {
  for (const auto& disk : disks_) disk->PrepareCut(luck, choices);
  const auto cut = [&] {
    for (const auto& disk : disks_) disk->CutPower(luck);
  };
  const bool disks_die_first = choices.PerMille(500);
  if (disks_die_first) cut();
  cluster.KillAll();
  if (!disks_die_first) cut();
  for (const auto& disk : disks_) disk->PowerOn();
}

void ClusterDisks::Sync() {
  for (const auto& disk : disks_) disk->Sync();
}

}  // namespace raftmq::testing
