// A FileSystem in memory that forgets what was not synced: the disk of the crash tests and of the
// simulator. Deterministic: no clock, no randomness but what a CrashChooser brings.
//
// What is modelled: bytes are durable after File::Sync, names after SyncDirectory; of what is not,
// a power cut keeps any part, pages torn at sectors (DESIGN.md section 4, "What is assumed of the
// disk"). Direct and buffered files differ only in Write's alignment rules, which are checked.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "segment/file_system.h"
#include "segment/memory_disk.h"

namespace raftmq {

// One step of a program that changed the disk, or made something durable.
struct DiskOperation {
  enum class Kind {
    kCreate,
    kWrite,
    kZero,
    kAllocate,
    kSync,
    kRename,
    kRemove,
    kCreateDirectory,
    kSyncDirectory,
  } kind = Kind::kWrite;
  std::string path;
  std::string to;                // kRename.
  std::uint64_t at = 0;          // kWrite, kZero.
  std::uint64_t bytes = 0;       // kWrite, kZero; kAllocate: the size.
  std::string ToString() const;  // "write /p/meta [4096, 8192)".
};

struct MemoryFileSystemState;

// Thread-safe. Files and maps may outlive it. Direct I/O is granted unless refused.
class MemoryFileSystem final : public FileSystem {
 public:
  explicit MemoryFileSystem(MemoryDisk disk = MemoryDisk());
  ~MemoryFileSystem() override;

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status CreateDirectory(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> List(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  Result<std::uint64_t> FreeBytes(const std::string& path) override;
  Result<PathInfo> Inspect(const std::string& path) override;

  // The disk as it is now, unsynced changes included. Cheap.
  MemoryDisk Snapshot() const;
  // What is found after a power cut now, as a disk of its own; this one goes on.
  std::unique_ptr<MemoryFileSystem> AfterPowerCut(CrashChooser& chooser) const;

  void SetCapacity(std::uint64_t bytes);
  void RefuseDirect(bool refuse);
  // Maps say that no page is in memory: reads take the slow way.
  void KeepPagesCold(bool cold);
  // Flips bits of a stored byte, behind the program's back. REQUIRES: the file has that byte.
  void Damage(const std::string& path, std::uint64_t at, std::byte flips);
  // Called after each operation, with the disk as it left it; must not call back.
  using Observer = std::function<void(const DiskOperation&, const MemoryDisk&)>;
  void Observe(Observer observer);

 private:
  const std::shared_ptr<MemoryFileSystemState> state_;
};

}  // namespace raftmq
