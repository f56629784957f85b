// What is left of a file system for data, as the node's owner judges it (broker/space_keeper.h):
// all that logs and groups know of space before they run out of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "raftmq/result.h"
#include "segment/file_system.h"

namespace raftmq {

// Thread-safe: one writer, any reader. All 0: nothing is watched.
struct DiskSpace {
  std::atomic<bool> is_low{false};             // Leaders take no messages.
  std::atomic<std::uint64_t> free_bytes{0};    // At the last look.
  std::atomic<std::uint64_t> resume_bytes{0};  // Free bytes at which is_low ends.
  std::atomic<std::uint64_t> kept_bytes{0};    // No new segment takes of these.
};

// Whether a new file of that many bytes leaves what is to be kept, by a look at the file system of
// `path`. Blocks. `space` may be null. Errors: kDiskFull.
Status CheckLeavesKept(FileSystem& files, const std::string& path, std::uint64_t bytes,
                       const DiskSpace* space);

}  // namespace raftmq
