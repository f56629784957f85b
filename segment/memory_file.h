// One open file of a MemoryFileSystem.
#pragma once

#include <memory>
#include <string>

#include "segment/file_system.h"
#include "segment/memory_disk.h"
#include "segment/memory_file_system.h"

namespace raftmq {

// Used by one thread at a time, beside others of the same file system.
class MemoryFile final : public File {
 public:
  // Takes over one Hold of the inode.
  MemoryFile(std::shared_ptr<MemoryFileSystemState> state, MemoryDisk::InodeNumber inode,
             OpenMode mode, bool direct, std::string path);
  ~MemoryFile() override;
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  Status Write(std::uint64_t at, ByteSpan bytes) override;
  Status Read(std::uint64_t at, MutableByteSpan into) const override;
  Status Sync() override;
  Status Allocate(std::uint64_t size) override;
  Status Zero(std::uint64_t at, std::uint64_t count) override;
  Result<std::uint64_t> Size() const override;
  Result<std::unique_ptr<FileMap>> Map() const override;
  bool IsDirect() const override { return direct_; }
  const std::string& path() const override { return path_; }

 private:
  Status CheckWritable(const char* operation) const;
  void CheckAligned(std::uint64_t at, const void* data, std::size_t count) const;
  // Copies the range as it is now into the live maps of the file.
  void ShowInMaps(std::uint64_t at, std::uint64_t count) const;

  const std::shared_ptr<MemoryFileSystemState> state_;
  const MemoryDisk::InodeNumber inode_;
  const bool writable_;
  const bool direct_;
  const std::string path_;
};

}  // namespace raftmq
