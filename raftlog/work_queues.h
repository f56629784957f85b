// Where a group's blocking work goes: two small seams, so that the same group runs on real threads
// (disk_thread.h, io_pool.h) and, step by step, in tests and the simulator.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "raftmq/result.h"
#include "segment/partition_log.h"

namespace raftmq {

// Hands a task to the shard's loop, from any thread, in order. EventLoop::Post fits.
using PostToLoop = std::function<void(std::function<void()>)>;

// A job on its way to the disk and back.
struct DiskTask {
  std::unique_ptr<LogJob> job;
  std::uint32_t entries = 0;  // For the metrics.
  // Gets the finished job, on the loop.
  std::function<void(std::unique_ptr<LogJob>)> done;
};

// Loop-affine. Bounded by its users: each log has at most one job under way.
class DiskQueue {
 public:
  virtual ~DiskQueue() = default;
  virtual void Submit(DiskTask task) = 0;
  // Low priority: at most one such job runs between two rounds of the others.
  virtual void SubmitBackground(DiskTask task) = 0;
};

// Loop-affine. Other blocking work: cold reads, creating and opening partitions.
class WorkQueue {
 public:
  virtual ~WorkQueue() = default;
  // Runs `work` on some other thread, then `done` on the loop. kOverloaded, without either being
  // called, when the queue is full.
  virtual Status Submit(std::function<void()> work, std::function<void()> done) = 0;
};

}  // namespace raftmq
