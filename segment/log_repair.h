// A repair of one damaged run, on the disk thread: frames of another replica are held against each
// other, the entries around them and what is known of the run, shared out among the segments they
// belong to, and only then written.
#pragma once

#include <memory>
#include <vector>

#include "segment/log_disk.h"
#include "segment/partition_log.h"
#include "segment/segment_repair.h"

namespace raftmq {

struct RepairOrder {
  DamagedRange range;
  LogTail before;  // The entry before the run, if the loop knows it; chain 0: it does not.
  std::vector<SharedBytes> frames;
  std::uint64_t group_seed = 0;
  Index durable;  // The last entry before the place where the active segment goes on.
};

// A segment whose file was written to, or looked at for its index.
struct RepairedSegment {
  SegmentName name;
  bool is_new = false;    // Its file was made anew.
  bool was_open = false;  // It was appended to when the job was made: more may be staged by now.
  SegmentRepair::Found found;
  std::shared_ptr<FileMap> map;
};

struct RepairReport {
  Index first;  // Of the run.
  RepairOutcome outcome;
  Offset next_offset;  // Behind outcome.repaired_up_to.
  std::vector<RepairedSegment> segments;
};

// Errors are the disk's and final; what is wrong with the frames, and a full disk, comes back in
// the outcome.
Result<RepairReport> RepairLog(LogDisk& disk, const RepairOrder& order);
// The index of a sealed segment, made anew.
Result<RepairedSegment> RebuildIndexOf(LogDisk& disk, const SegmentRepair::Where& where);

}  // namespace raftmq
