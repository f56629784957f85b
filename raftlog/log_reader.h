// Reads of committed data from the files, for what the tail cache no longer holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "raftlog/group.h"
#include "raftlog/group_metrics.h"
#include "raftlog/work_queues.h"
#include "raftmq/result.h"
#include "segment/partition_log.h"

namespace raftmq {

// Data batches, and where the next read goes on.
struct DataRun {
  std::vector<SharedBytes> batches;
  Offset next_offset;
};

// Shard-affine. Callbacks run on the loop: at once when no disk is needed, else later; none after
// the destructor. `log`, `work` and `metrics` outlive it.
class LogReader {
 public:
  using ReadDone = std::function<void(Result<DataRun>)>;
  using FindDone = std::function<void(Result<Group::OffsetAtTime>)>;

  // Called when a read has met damage, after it was marked; `is_new`: nobody knew of it.
  using OnDamage = std::function<void(const DamagedRange& met, bool is_new)>;

  LogReader(PartitionLog& log, WorkQueue& work, GroupMetrics& metrics, OnDamage on_damage)
      : log_(log), work_(work), metrics_(metrics), on_damage_(std::move(on_damage)) {}

  // Whole batches from the one that holds `offset` on, up to entry `up_to`, at most bytes_max
  // bytes but at least one batch. REQUIRES: that batch lies at or below `up_to`, which is durable.
  // Errors: kDataCorrupt, kIoError, kOverloaded.
  void Read(Offset offset, Index up_to, std::size_t bytes_max, ReadDone done);

  struct FindRequest {
    std::int64_t timestamp_ms = 0;
    Offset log_start;
    Offset end;                         // The answer if every record is older.
    Index up_to;                        // Durable.
    std::size_t records_bytes_max = 0;  // Bound for opening compressed batches.
  };
  // First record at or above log_start with a timestamp of at least timestamp_ms. Errors:
  // kDataCorrupt, kBadBatch for a compressed batch that cannot be opened, kIoError, kOverloaded.
  void FindOffset(const FindRequest& request, FindDone done);
  // True while some read is on the work queue: the log must stay with the loop.
  bool IsBusy() const { return under_way_ > 0; }
  // Runs a read at once if it touches only memory, else on the work queue. Damage that it meets is
  // marked in the log before `done` gets the error. Errors: the read's; kOverloaded.
  void Run(std::unique_ptr<LogRead> read, std::function<void(Result<LogSlice>)> done);

 private:
  void Finish(const LogRead& read);
  bool IsKnown(const DamagedRange& met) const;
  void FindFrom(ReadFrom from, const FindRequest& request, FindDone done);

  PartitionLog& log_;
  WorkQueue& work_;
  GroupMetrics& metrics_;
  const OnDamage on_damage_;
  std::size_t under_way_ = 0;  // Reads on the work queue.
  std::shared_ptr<LogReader*> alive_ = std::make_shared<LogReader*>(this);
};

}  // namespace raftmq
