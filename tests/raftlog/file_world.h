// A group on the real log and the real file system, in a directory of its own.
#pragma once

#include <memory>
#include <utility>

#include "segment/posix_file_system.h"
#include "tests/raftlog/group_world.h"
#include "tests/segment/temp_directory.h"

namespace raftmq {

class FileWorld final : public AnyGroupWorld {
 public:
  explicit FileWorld(std::size_t cache_bytes = 1u << 20) : AnyGroupWorld(cache_bytes) {
    // Small segments: about six of the batches that the tests write.
    options.batch_bytes_max = 16u << 10;
    options.log.directory = directory.path() + "/p";
    options.log.segment_bytes_first = 1;
    options.log.segment_bytes_max = 1;
  }
  ~FileWorld() override { Crash(); }

  TempDirectory directory;
  PosixFileSystem files;

 private:
  FileSystem& file_system() override { return files; }
  Result<std::unique_ptr<OpenedLog>> OpenLog() override {
    Result<std::unique_ptr<OpenedLog>> opened = OpenGroupLog(files, options);
    if (opened || opened.error().code != ErrorCode::kNotFound) return opened;
    const LogFounding founding{.group_seed = 7,
                               .membership = {{.node = NodeId(1), .number = ReplicaNumber(1)}},
                               .replica = ReplicaNumber(1)};
    return CreateGroupLog(files, options, founding);
  }
};

}  // namespace raftmq
