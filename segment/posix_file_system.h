// The real disk.
#pragma once

#include "segment/file_system.h"

namespace raftmq {

enum class Syncing {
  kOn,
  kUnsafeOff,  // Sync and SyncDirectory do nothing: a power cut may take anything.
};

// Thread-safe.
class PosixFileSystem final : public FileSystem {
 public:
  explicit PosixFileSystem(Syncing syncing = Syncing::kOn) : syncing_(syncing) {}
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status CreateDirectory(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> List(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  Result<std::uint64_t> FreeBytes(const std::string& path) override;
  Result<PathInfo> Inspect(const std::string& path) override;

 private:
  const Syncing syncing_;
};

}  // namespace raftmq
