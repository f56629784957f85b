// Reads a stopped partition from front to back and checks everything that can be checked: for the
// offline tools. Changes nothing on the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/hard_state.h"
#include "protocol/types/ids.h"
#include "raftmq/result.h"
#include "segment/file_system.h"

namespace raftmq {

// Something that does not check. Indexes and offsets bound what is lost; both 0: no entry is.
struct LogFault {
  std::string path;
  std::uint64_t position = 0;  // First byte of the file that is affected.
  Index first, last;
  Offset first_offset, end_offset;
  std::string what;
};

struct LogCheck {
  GroupId group;
  ReplicaNumber replica;
  NodeId node;  // Whose replica it is; 0: an older version, which did not write that, made it.
  HardState hard_state;
  Index first, last;
  Index committed;  // The highest that this log knows to be; may lie above `last`.
  Offset first_offset, next_offset;
  std::uint64_t segments = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // Of whole entries.
  std::vector<LogFault> faults;
  std::vector<std::string> notes;  // Harmless: what the next start makes good.
};

// A whole entry, valid during the call.
struct CheckedEntry {
  const BatchHeader& header;
  ByteSpan frame;
  const std::string& path;
  std::uint64_t position = 0;
};
struct LogCheckHooks {
  std::function<void(const CheckedEntry&)> on_entry;          // May be empty.
  std::function<void(std::uint64_t bytes_read)> on_progress;  // After each segment; may be empty.
};

// `directory` is one partition's. Damage comes back in the faults; errors are for what could not be
// looked at: kNotFound (no partition there), kUnknownFormat, kIoError.
Result<LogCheck> CheckPartition(FileSystem& files, const std::string& directory,
                                const LogCheckHooks& hooks);
// One segment file by itself: the seed of its hashes is taken from its checkpoint.
Result<LogCheck> CheckSegmentFile(FileSystem& files, const std::string& path,
                                  const LogCheckHooks& hooks);

}  // namespace raftmq
