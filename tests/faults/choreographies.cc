#include "tests/faults/choreographies.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace raftmq::testing {
namespace {

struct Roles {
  std::set<NodeId> a, b;
  NodeId x;
};

Roles Draw(sim::Choices& choices) {
  const auto all = ClusterProcess::nodes(kChoreographyNodes);
  std::vector<NodeId> left(all.begin(), all.end());
  const auto draw = [&] {
    const auto at = left.begin() + static_cast<std::ptrdiff_t>(choices.Below(left.size()));
    const NodeId drawn = *at;
    left.erase(at);
    return drawn;
  };
  Roles roles;
  roles.a = {draw(), draw()};
  roles.x = draw();
  roles.b = {left.begin(), left.end()};
  return roles;
}

void CutPowerOf(NodeId x, const Stage& stage) {
  stage.cluster.Note("power cut of " + x.ToString());
  stage.disks.CutPower(stage.cluster.processes(), x, LoopDisk::Luck::kNone, stage.choices);
}

void ForEach(const std::set<NodeId>& nodes, ClusterProcess& processes,
             void (ClusterProcess::*act)(NodeId)) {
  for (const NodeId node : nodes) (processes.*act)(node);
}

}  // namespace

void PauseKill(const Stage& stage) {
  ClusterProcess& processes = stage.cluster.processes();
  const Roles roles = Draw(stage.choices);
  stage.cluster.Note("pause A");
  ForEach(roles.a, processes, &ClusterProcess::Pause);
  stage.cluster.AwaitAcksFor(stage.time);
  CutPowerOf(roles.x, stage);
  stage.cluster.Note("pause B, resume A");
  ForEach(roles.b, processes, &ClusterProcess::Pause);
  ForEach(roles.a, processes, &ClusterProcess::Continue);
  processes.Start(roles.x);
  stage.cluster.AwaitAcksFor(stage.time);
  stage.cluster.Note("resume B");
  ForEach(roles.b, processes, &ClusterProcess::Continue);
}

void PartKill(const Stage& stage, PeerNetwork& network) {
  const Roles roles = Draw(stage.choices);
  stage.cluster.Note("cut A off");
  network.Split(roles.a);
  stage.cluster.AwaitAcksFor(stage.time);
  CutPowerOf(roles.x, stage);
  stage.cluster.Note("cut B off instead");
  network.Split(roles.b);
  stage.cluster.processes().Start(roles.x);
  stage.cluster.AwaitAcksFor(stage.time);
  stage.cluster.Note("join all");
  network.Heal();
}

}  // namespace raftmq::testing
