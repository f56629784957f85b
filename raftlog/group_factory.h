// How a shard gets its groups.
//
//   start-up, blocking:    OpenGroupLog -> MakeGroup
//   new partition:         CreateGroup(options, founding, deps, done)
//   known partition:       OpenGroup(options, deps, done)
//
// Opening reads and syncs, so the two last ones run on the work queue and call back on the loop.
// A fresh group is no leader yet: its first Tick and TurnEnd start the election, the next
// completion of the disk ends it. Call Tick at once for a partition that should serve at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/types/clock.h"
#include "protocol/types/ids.h"
#include "raftlog/catch_up_pace.h"
#include "raftlog/group.h"
#include "raftlog/group_metrics.h"
#include "raftlog/heartbeats.h"
#include "raftlog/opened_log.h"
#include "raftlog/tail_cache.h"
#include "raftlog/transport.h"
#include "raftlog/work_queues.h"
#include "raftmq/result.h"
#include "segment/checkpoint.h"
#include "segment/file_system.h"
#include "segment/partition_log.h"

namespace raftmq {

// One topic's settings and bounds for one of its groups.
struct GroupOptions {
  NodeId self;
  RaftConfig raft;                      // Timers and seed; `self` is taken from the log.
  Milliseconds disk_hang_limit{3'000};  // A job that takes longer ends a leadership.
  // directory and group are the partition's, `self` is taken from above. segment_bytes_first is
  // raised so that the greatest batch fits into any segment.
  LogOptions log;
  std::uint32_t batch_bytes_max = 1u << 20;      // Greatest frame, padding included.
  std::size_t records_bytes_max = 64u << 20;     // Of a compressed batch that FindOffset opens.
  std::size_t pending_bytes_max = 32u << 20;     // Proposals not yet committed; at least one batch.
  std::int64_t retention_ms = 7LL * 86'400'000;  // -1 = keep for ever.
  std::int64_t retention_bytes = -1;             // Of the log; -1 = no bound.
  std::int64_t session_expiry_ms = 7LL * 86'400'000;  // By log time, since the last batch.
  // Of one group. Beyond, those not heard of for session_min_age_ms, which has to be above the time
  // for which producers try again, make place for new ones.
  std::size_t sessions_max = 20'000;
  std::int64_t session_min_age_ms = 120'000;
  std::int64_t message_id_window_ms = 0;  // A message id is known for so long; 0 = none are taken.
  std::size_t message_ids_max = 150'000;  // Of one group, within its window.
  SessionFaults session_faults;           // For tests.
  // By its placement. With other replicas, damaged entries may say that they are voters: then it
  // does not campaign.
  bool is_only_replica = true;
  bool internal = false;  // Has a state machine: SetCapture, SetRestore and SetApply are called.
  std::size_t state_bytes_max = 8u << 20;  // Of it; each segment has room for that.
};

// What a group works with; all of the shard, all outlive the group. `files` is thread-safe.
struct GroupDeps {
  FileSystem& files;
  const Clock& clock;
  DiskQueue& disk;
  WorkQueue& work;
  TailCache& cache;
  LiveTraffic& live_traffic;
  GroupMetrics& metrics;
  Transport& transport;
  Heartbeats* heartbeats = nullptr;  // Null: groups never go quiet.
  // Told of damage that a read was the first to meet; may be empty. Repair begins by itself.
  std::function<void(const GroupId& group, const DamagedRange& met)> on_damage = {};
};

// Recovers the log of options.log.directory. Blocks. Any thread. Errors: those of
// PartitionLog::Open.
Result<std::unique_ptr<OpenedLog>> OpenGroupLog(FileSystem& files, const GroupOptions& options);
// Makes a new log. Blocks. Any thread. Errors: kAlreadyExists, kDiskFull, kIoError.
Result<std::unique_ptr<OpenedLog>> CreateGroupLog(FileSystem& files, const GroupOptions& options,
                                                  const LogFounding& founding);

// Opens a group's log again after a repair: on a thread of the work queue, and only once nobody has
// it any more.
using ReopenLog = std::function<Result<std::unique_ptr<OpenedLog>>()>;
// Does not block. On the loop. Without `reopen`: OpenGroupLog.
std::unique_ptr<Group> MakeGroup(const GroupOptions& options, const GroupDeps& deps,
                                 std::unique_ptr<OpenedLog> log, ReopenLog reopen = {});

using GroupDone = std::function<void(Result<std::unique_ptr<Group>>)>;
// The same on the work queue. `done` runs on the loop, exactly once; at once with kOverloaded if
// the queue is full.
void CreateGroup(const GroupOptions& options, LogFounding founding, const GroupDeps& deps,
                 GroupDone done);
void OpenGroup(const GroupOptions& options, const GroupDeps& deps, GroupDone done);

}  // namespace raftmq
