// Who breaks things: each kind of fault at its own rate, on nodes drawn at random.
#pragma once

#include <functional>

#include "tests/sim/cluster.h"
#include "tests/sim/log_damage.h"

namespace raftmq::sim {

class Nemesis {
 public:
  explicit Nemesis(Cluster& cluster) : cluster_(cluster) {}
  // From now on until the cluster is calm.
  void Start();

 private:
  void Every(Time mean, std::function<void()> fault);
  void StorageDeath();
  void IoError();
  void DiskFull();
  void Pause();
  void AllCut();
  void KillThenCut();
  void DamageCopy();

  Cluster& cluster_;
  LogDamage damage_{cluster_};
};

}  // namespace raftmq::sim
