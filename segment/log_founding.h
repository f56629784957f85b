// Makes the files of a new log: one segment with the founding checkpoint, and meta.
#pragma once

#include "raftmq/result.h"
#include "segment/file_system.h"
#include "segment/log_recovery.h"
#include "segment/partition_log.h"

namespace raftmq {

// Durable on return. `meta` comes last: a directory without it was never finished and holds
// nothing. Errors: kAlreadyExists, kDiskFull, kIoError.
Result<RecoveredLog> FoundLog(FileSystem& files, const LogOptions& options,
                              const LogFounding& founding);

}  // namespace raftmq
