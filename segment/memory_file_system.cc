#include "segment/memory_file_system.h"

#include <fmt/format.h>

#include <array>

#include "segment/memory_file.h"
#include "segment/memory_file_system_state.h"

namespace raftmq {
namespace {

using Kind = DiskOperation::Kind;

class MemoryLock final : public FileLock {
 public:
  MemoryLock(std::shared_ptr<MemoryFileSystemState> state, std::string path)
      : state_(std::move(state)), path_(std::move(path)) {}
  ~MemoryLock() override {
    const std::lock_guard lock(state_->mutex);
    state_->locked.erase(path_);
  }

 private:
  const std::shared_ptr<MemoryFileSystemState> state_;
  const std::string path_;
};

}  // namespace

std::string DiskOperation::ToString() const {
  static constexpr std::array kNames{"create", "write",  "zero",           "allocate",      "sync",
                                     "rename", "remove", "make directory", "sync directory"};
  std::string text = fmt::format("{} {}", kNames[static_cast<std::size_t>(kind)], path);
  if (kind == Kind::kRename) text += " to " + to;
  if (kind == Kind::kAllocate) text += fmt::format(" of {} bytes", bytes);
  if (kind == Kind::kWrite || kind == Kind::kZero) text += fmt::format(" [{}, {})", at, at + bytes);
  return text;
}

MemoryFileSystem::MemoryFileSystem(MemoryDisk disk)
    : state_(std::make_shared<MemoryFileSystemState>()) {
  state_->disk = std::move(disk);
}
MemoryFileSystem::~MemoryFileSystem() = default;

Result<std::unique_ptr<File>> MemoryFileSystem::Open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(state_->mutex);
  MemoryDisk& disk = state_->disk;
  if (mode == OpenMode::kCreate) {
    RAFTMQ_TRY(disk.Create(path, FileType::kRegular));
    RAFTMQ_TRY(state_->Done(Ok(), {.kind = Kind::kCreate, .path = path}));
  }
  RAFTMQ_TRY_ASSIGN(const MemoryDisk::InodeNumber inode, disk.Find(path));
  if (disk.TypeOf(inode) != FileType::kRegular)
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("expected a regular file at '{}', found another type", path));
  disk.Hold(inode);
  const bool direct = mode == OpenMode::kDirect && !state_->refuse_direct;
  return std::unique_ptr<File>(std::make_unique<MemoryFile>(state_, inode, mode, direct, path));
}

Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(state_->mutex);
  return state_->Done(state_->disk.Rename(from, to),
                      {.kind = Kind::kRename, .path = from, .to = to});
}

Status MemoryFileSystem::Remove(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  return state_->Done(state_->disk.Remove(path), {.kind = Kind::kRemove, .path = path});
}

Status MemoryFileSystem::CreateDirectory(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  RAFTMQ_TRY(state_->disk.Create(path, FileType::kDirectory));
  return state_->Done(Ok(), {.kind = Kind::kCreateDirectory, .path = path});
}

Status MemoryFileSystem::SyncDirectory(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  return state_->Done(state_->disk.SyncDirectory(path),
                      {.kind = Kind::kSyncDirectory, .path = path});
}

Result<std::vector<DirectoryEntry>> MemoryFileSystem::List(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  return state_->disk.List(path);
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::Lock(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->disk.Find(path)) {
    RAFTMQ_TRY(state_->disk.Create(path, FileType::kRegular));
    RAFTMQ_TRY(state_->Done(Ok(), {.kind = Kind::kCreate, .path = path}));
  }
  if (!state_->locked.insert(path).second)
    return Fail(ErrorCode::kLocked, fmt::format("'{}' is locked by another process", path));
  return std::unique_ptr<FileLock>(std::make_unique<MemoryLock>(state_, path));
}

Result<std::uint64_t> MemoryFileSystem::FreeBytes(const std::string&) {
  const std::lock_guard lock(state_->mutex);
  return state_->disk.FreeBytes();
}

Result<PathInfo> MemoryFileSystem::Inspect(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  RAFTMQ_TRY_ASSIGN(const MemoryDisk::InodeNumber inode, state_->disk.Find(path));
  return PathInfo{.type = state_->disk.TypeOf(inode)};
}

MemoryDisk MemoryFileSystem::Snapshot() const {
  const std::lock_guard lock(state_->mutex);
  return state_->disk;
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::AfterPowerCut(CrashChooser& chooser) const {
  const std::lock_guard lock(state_->mutex);
  return std::make_unique<MemoryFileSystem>(state_->disk.AfterPowerCut(chooser));
}

void MemoryFileSystem::SetCapacity(std::uint64_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->disk.SetCapacity(bytes);
}

void MemoryFileSystem::RefuseDirect(bool refuse) {
  const std::lock_guard lock(state_->mutex);
  state_->refuse_direct = refuse;
}

void MemoryFileSystem::KeepPagesCold(bool cold) {
  const std::lock_guard lock(state_->mutex);
  state_->are_pages_cold = cold;
}

void MemoryFileSystem::Damage(const std::string& path, std::uint64_t at, std::byte flips) {
  const std::lock_guard lock(state_->mutex);
  const auto inode = state_->disk.Find(path);
  RAFTMQ_CHECK(inode.has_value());
  state_->disk.Damage(*inode, at, flips);
}

void MemoryFileSystem::Observe(Observer observer) {
  const std::lock_guard lock(state_->mutex);
  state_->observer = std::move(observer);
}

}  // namespace raftmq
