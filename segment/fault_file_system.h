// A file system that fails on purpose, in front of another one.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "segment/file_system.h"

namespace raftmq {

enum class FaultOperation {
  kOpen,
  kRead,
  kWrite,
  kSync,
  kAllocate,
  kZero,
  kMap,
  kRename,
  kRemove,
  kCreateDirectory,
  kSyncDirectory,
  kList,
};

// What happens to calls of one kind on paths that contain a text.
struct FaultRule {
  FaultOperation operation = FaultOperation::kWrite;
  std::string path_part;        // Empty: every path.
  std::uint64_t skip = 0;       // Matching calls that still go through.
  std::uint64_t count = ~0ull;  // Matching calls after those that the fault befalls.

  // The call does not take place and answers this; kOk: it takes place.
  ErrorCode error = ErrorCode::kOk;
  // kRead, and the bytes of kMap: this bit of what was read is flipped, if it reaches that far.
  std::uint64_t flipped_bit = kNoBit;
  // Called before the call goes on: a slow disk without a sleep.
  std::function<void()> before;

  static constexpr std::uint64_t kNoBit = ~0ull;
};

struct FaultState;

// Thread-safe. `below` must outlive it and the files opened through it.
class FaultFileSystem final : public FileSystem {
 public:
  explicit FaultFileSystem(FileSystem& below);
  ~FaultFileSystem() override;

  // Rules are asked in the order they were added; the first that applies decides.
  void Add(FaultRule rule);
  void Clear();
  // Calls of one kind so far, the failed ones too.
  std::uint64_t Calls(FaultOperation operation) const;
  // kDirect opens the file buffered, as a file system without O_DIRECT does.
  void RefuseDirect(bool refuse);
  // What Allocate may still take before it answers kDiskFull.
  void SetAllocationBudget(std::uint64_t bytes);

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
  FileSystem& below_;
  const std::shared_ptr<FaultState> state_;
};

}  // namespace raftmq
