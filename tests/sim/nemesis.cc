#include "tests/sim/nemesis.h"

#include <utility>

#include "tests/sim/network.h"
#include "tests/sim/node.h"

namespace raftmq::sim {

void Nemesis::Start() {
  const FaultOptions& faults = cluster_.scenario.faults;
  const auto node = [this]() -> Node& { return cluster_.node(cluster_.PickNode()); };
  Every(faults.kill_every, [node] { node().Kill(); });
  Every(faults.power_cut_every, [node] { node().PowerCut(); });
  Every(faults.all_cut_every, [this] { AllCut(); });
  Every(faults.kill_then_cut_every, [this] { KillThenCut(); });
  Every(faults.copy_damage_every, [this] { DamageCopy(); });
  Every(faults.damage_every, [this] { damage_.Strike(); });
  Every(faults.storage_death_every, [this] { StorageDeath(); });
  Every(faults.io_error_every, [this] { IoError(); });
  Every(faults.disk_full_every, [this] { DiskFull(); });
  Every(faults.clean_stop_every, [node] { node().CleanStop(); });
  Every(faults.pause_every, [this] { Pause(); });
  Every(faults.clock_step_every, [this, node] {
    constexpr std::int64_t kHourMs = 3'600'000;
    const auto step = static_cast<std::int64_t>(cluster_.choices.Below(2 * kHourMs)) - kHourMs;
    cluster_.coverage.Reach(step < 0 ? Mark::kClockBack : Mark::kClockAhead);
    node().clock().StepWall(step);
  });
  const NetworkOptions& network = cluster_.scenario.network;
  Every(network.partition_every, [this] { cluster_.network->Partition(); });
  Every(network.reset_every, [this] { cluster_.network->ResetAny(); });
}

void Nemesis::Every(Time mean, std::function<void()> fault) {
  if (mean == 0) return;
  cluster_.timeline.After(cluster_.choices.Around(mean), [this, mean, fault = std::move(fault)] {
    if (cluster_.is_calm) return;
    fault();
    Every(mean, fault);
  });
}

void Nemesis::StorageDeath() {
  Choices& choices = cluster_.choices;
  const DiskFault fault = choices.Below(2) == 0 ? DiskFault::kKill : DiskFault::kPowerCut;
  cluster_.node(cluster_.PickNode()).ArmStorage(fault, choices.Below(40));
}

void Nemesis::IoError() {
  Choices& choices = cluster_.choices;
  const DiskFault fault = choices.Below(2) == 0 ? DiskFault::kWriteError : DiskFault::kSyncError;
  cluster_.node(cluster_.PickNode()).ArmStorage(fault, choices.Below(10));
}

void Nemesis::DiskFull() {
  Node& node = cluster_.node(cluster_.PickNode());
  node.SetDiskFull(true);
  cluster_.coverage.Reach(Mark::kDisksFilled);
  cluster_.timeline.After(cluster_.choices.Around(cluster_.scenario.faults.disk_full_mean),
                          [&node] { node.SetDiskFull(false); });
}

void Nemesis::Pause() {
  Node& node = cluster_.node(cluster_.PickNode());
  if (!node.IsUp() || node.IsPaused()) return;
  cluster_.coverage.Reach(Mark::kPauses);
  for (const auto& truth : cluster_.partitions) {
    const auto placed = truth->placements.find(node.id());
    if (placed != truth->placements.end() && placed->second.record.is_leader)
      cluster_.coverage.Reach(Mark::kLeaderPaused);
  }
  node.Pause(cluster_.choices.Around(cluster_.scenario.faults.pause_mean));
}

void Nemesis::AllCut() {
  cluster_.coverage.Reach(Mark::kAllCut);
  for (const auto& node : cluster_.nodes) node->PowerCut();
}

// What the killed process wrote is in the cache: the next one reads it, and then it may be gone.
void Nemesis::KillThenCut() {
  Node& node = cluster_.node(cluster_.PickNode());
  node.Kill();
  cluster_.timeline.After(2 * cluster_.choices.Around(cluster_.scenario.faults.restart_mean),
                          [this, &node] {
                            if (!cluster_.is_calm) node.PowerCut();
                          });
}

void Nemesis::DamageCopy() {
  Node& node = cluster_.node(cluster_.PickNode());
  if (cluster_.choices.Below(2) == 0) {
    node.DamageManifest();
  } else {
    node.DamageHardState(cluster_.PickPartition());
  }
}

}  // namespace raftmq::sim
