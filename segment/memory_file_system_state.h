// What a MemoryFileSystem, its files and its maps share.
#pragma once

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "protocol/types/check.h"
#include "segment/memory_file_system.h"

namespace raftmq {

// The bytes of one map: a copy that later writes go to as well, as a shared mapping shows them.
struct MemoryMapBlock {
  explicit MemoryMapBlock(std::size_t count)
      : data(static_cast<std::byte*>(std::calloc(count + 1, 1))), size(count) {
    RAFTMQ_CHECK(data != nullptr);
  }
  ~MemoryMapBlock() { std::free(data); }
  MemoryMapBlock(const MemoryMapBlock&) = delete;
  MemoryMapBlock& operator=(const MemoryMapBlock&) = delete;

  std::byte* const data;
  const std::size_t size;
};

struct MemoryFileSystemState {
  mutable std::mutex mutex;  // Guards all below.
  MemoryDisk disk;
  std::set<std::string> locked;
  std::map<MemoryDisk::InodeNumber, std::vector<std::weak_ptr<MemoryMapBlock>>> maps;
  MemoryFileSystem::Observer observer;
  bool refuse_direct = false;
  bool are_pages_cold = false;

  // Tells the observer, if the operation succeeded.
  Status Done(Status status, const DiskOperation& operation) const {
    if (status && observer) observer(operation, disk);
    return status;
  }
};

}  // namespace raftmq
