// A process's disk thread and I/O pool on simulated time: the same rounds and the same order as the
// real ones (raftlog/disk_thread.h, io_pool.h), and between any two steps all else may happen.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "raftlog/work_queues.h"
#include "tests/sim/cluster.h"

namespace raftmq::sim {

// How a process schedules what dies with it.
using Later = std::function<void(Time delay, std::function<void()> action)>;

// A round: all writes, all syncs, all completions, one step each; then one background job.
class SimDisk {
 public:
  // `touched` is told whose job has come back.
  SimDisk(Cluster& cluster, Later later, std::function<void(std::uint32_t partition)> touched)
      : options_(cluster.disk),
        choices_(cluster.choices),
        coverage_(cluster.coverage),
        later_(std::move(later)),
        touched_(std::move(touched)) {}

  void Submit(std::uint32_t partition, DiskTask task) {
    gathered_.push_back({partition, std::move(task)});
    Begin();
  }
  void SubmitBackground(std::uint32_t partition, DiskTask task) {
    background_.push_back({partition, std::move(task)});
    Begin();
  }

 private:
  struct Owned {
    std::uint32_t partition;
    DiskTask task;
  };
  void Begin();
  void Write();
  void Sync();
  void Complete();
  Time Latency(Time mean);

  const DiskOptions& options_;
  Choices& choices_;
  Coverage& coverage_;
  const Later later_;
  const std::function<void(std::uint32_t)> touched_;
  std::vector<Owned> gathered_;
  std::deque<Owned> background_;
  std::vector<Owned> round_;
  bool is_busy_ = false;
  bool background_next_ = false;
};

// One partition's end of it.
class PartitionDisk final : public DiskQueue {
 public:
  PartitionDisk(SimDisk& disk, std::uint32_t partition) : disk_(disk), partition_(partition) {}
  void Submit(DiskTask task) override { disk_.Submit(partition_, std::move(task)); }
  void SubmitBackground(DiskTask task) override {
    disk_.SubmitBackground(partition_, std::move(task));
  }

 private:
  SimDisk& disk_;
  const std::uint32_t partition_;
};

class SimWork final : public WorkQueue {
 public:
  SimWork(Cluster& cluster, Later later)
      : options_(cluster.disk),
        choices_(cluster.choices),
        coverage_(cluster.coverage),
        later_(std::move(later)) {}

  Status Submit(std::function<void()> work, std::function<void()> done) override;

 private:
  const DiskOptions& options_;
  Choices& choices_;
  Coverage& coverage_;
  const Later later_;
  std::uint32_t queued_ = 0;
};

}  // namespace raftmq::sim
