// From the files of one partition to a log that may be trusted (RELIABILITY.md 1.1, DESIGN.md
// section 4).
//
//  1. An unfinished cut or reset is finished.
//  2. Sealed segments are taken by their index files; a missing or bad one is rebuilt from the
//  frames.
//  3. From the durable mark on every frame is checked, read from the disk itself.
//  4. What is bad is judged by promises: index <= mark, or <= the committed-up-to of a later whole
//  frame,
//     is damage and stays; all else is a torn tail and is cut.
//  5. Everything that was read is synced, and the mark raised, before anybody may build on it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "segment/entry_mark.h"
#include "segment/log_disk.h"
#include "segment/partition_log.h"
#include "segment/segment.h"

namespace raftmq {

struct RecoveredLog {
  std::shared_ptr<LogDisk> disk;
  MetaIdentity identity;
  LogMark mark;
  SegmentName first;             // The log's first segment, also if its file is missing.
  std::deque<Segment> segments;  // Oldest first, at least one.
  bool active_is_missing =
      false;  // The newest file is gone: the log must roll before it can append.
  LogTail tail;
  Index commit_floor;
  // Of the entries that may be cut off later: from the commit floor's on, as far as they are whole.
  std::deque<EntryMark> marks;
};

// Errors: kNotFound (no such log), kDataCorrupt (meta lost, or no segment left), kUnknownFormat,
// kForeignDirectory (another group's or node's directory, or a file that is no regular one),
// kIoError.
Result<RecoveredLog> RecoverLog(FileSystem& files, const LogOptions& options,
                                RecoveryReport* report);

}  // namespace raftmq
