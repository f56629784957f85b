// One machine: a disk, a clock, and a process that runs on them, stands still or is gone.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "protocol/types/clock.h"
#include "segment/memory_file_system.h"
#include "tests/sim/cluster.h"
#include "tests/sim/process.h"

namespace raftmq::sim {

// Runs fast or slow by a fixed rate; its wall time may jump.
class NodeClock final : public Clock {
 public:
  NodeClock(const Timeline& timeline, std::int64_t rate_ppm)
      : timeline_(timeline), rate_ppm_(rate_ppm) {}
  Microseconds SteadyNow() const override { return Microseconds(Here(timeline_.now())); }
  std::int64_t WallNowMs() const override { return wall_ms_ + Here(timeline_.now()) / 1000; }
  void StepWall(std::int64_t by_ms) { wall_ms_ += by_ms; }
  // How long the world waits while this clock counts `ticks`.
  Time WorldTime(Time here) const {
    return static_cast<Time>(static_cast<std::int64_t>(here) * 1'000'000 / (1'000'000 + rate_ppm_));
  }

 private:
  std::int64_t Here(Time world) const {
    const auto now = static_cast<std::int64_t>(world);
    return now + now / 1000 * rate_ppm_ / 1000;
  }
  const Timeline& timeline_;
  const std::int64_t rate_ppm_;
  std::int64_t wall_ms_ = 1'700'000'000'000;
};

class Node final : public Actor {
 public:
  Node(Cluster& cluster, NodeId id);
  ~Node() override;

  NodeId id() const { return id_; }
  bool IsUp() const { return process_ != nullptr; }
  bool IsPaused() const { return is_paused_; }
  // Null while it is down. For looking; what has effects goes through Do.
  Process* process() { return process_.get(); }
  NodeClock& clock() { return clock_; }
  // For damage, behind the process's back.
  MemoryFileSystem& disk() { return *disk_; }

  // An input for whichever process runs now: lost if there is none, late if it is paused.
  void Do(std::function<void()> action);
  void Run(std::uint64_t life, std::function<void()>& action) override;

  void Start();
  void Kill();
  void PowerCut();
  void CleanStop();
  // The process ends in the midst of some storage operation to come.
  void ArmStorage(DiskFault fault, std::uint64_t skip);
  void Pause(Time duration);
  void Resume();
  void SetDiskFull(bool full);
  // No fault is under way any more, and the process runs.
  void Heal();
  // The disk is replaced by an empty one. REQUIRES: the node is down.
  void LoseDisk();
  // So is the directory of one replica. REQUIRES: the same.
  void LoseDirectory(std::uint32_t partition);
  // Ends the process and flips a byte of one copy, if both are whole now.
  void DamageManifest();
  void DamageHardState(std::uint32_t partition);
  // From now on the node starts again by itself after each death.
  void StartLater();

 private:
  void Later(Time delay, std::function<void()> action) {
    cluster_.timeline.After(*this, life_, delay, std::move(action));
  }
  void RunNow(std::function<void()>& action);
  void Tick();
  void OnDiskFault(DiskFault fault);
  void Bury();
  void FoundDisk();
  void CutPower();

  Cluster& cluster_;
  const NodeId id_;
  NodeClock clock_;
  std::unique_ptr<MemoryFileSystem> disk_;
  std::unique_ptr<MemoryFileSystem> left_;  // What a power cut has left; from the burial on.
  std::unique_ptr<Process> process_;
  std::uint64_t life_ = 0;  // Of the process; what older ones have scheduled is void.
  bool is_paused_ = false;
  std::deque<std::function<void()>> stalled_;  // Inputs of a paused process.
  Time died_ = 0;
};

}  // namespace raftmq::sim
