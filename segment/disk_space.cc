#include "segment/disk_space.h"

#include <fmt/format.h>

namespace raftmq {

Status CheckLeavesKept(FileSystem& files, const std::string& path, std::uint64_t bytes,
                       const DiskSpace* space) {
  const std::uint64_t kept = space != nullptr ? space->kept_bytes.load() : 0;
  if (kept == 0) return Ok();
  const Result<std::uint64_t> free_bytes = files.FreeBytes(path);
  if (!free_bytes || *free_bytes >= kept + bytes) return Ok();  // Else the allocation will tell.
  return Fail(ErrorCode::kDiskFull,
              fmt::format("expected {} free bytes for a file of {} at {}, {} of them to be kept; "
                          "found {}",
                          kept + bytes, bytes, path, kept, *free_bytes));
}

}  // namespace raftmq
