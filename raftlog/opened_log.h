// From a recovered log to what a group starts with. Blocks: start-up or an I/O thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "raftlog/core/raft.h"
#include "raftlog/log_state.h"
#include "raftmq/result.h"
#include "segment/partition_log.h"

namespace raftmq {

// A log that was opened, with what its entries since the newest checkpoint say. Movable between
// threads; only the group looks inside.
struct OpenedLog {
  std::unique_ptr<PartitionLog> log;
  RecoveryReport report;
  LogState state;  // At the log's end, committed up to the report's floor.
  RestoredState raft;

  // What recovery did, for people: every cut and repair.
  const std::vector<std::string>& notes() const { return report.notes; }
};

// Reads the log from the newest committed checkpoint to its end: at most about one segment.
// Entries in damaged ranges are passed over. Errors: kIoError, kDataCorrupt for damage that
// recovery has not named.
Result<std::unique_ptr<OpenedLog>> ScanOpenedLog(std::unique_ptr<PartitionLog> log,
                                                 RecoveryReport report);

}  // namespace raftmq
