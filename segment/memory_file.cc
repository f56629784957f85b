#include "segment/memory_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "segment/memory_file_system_state.h"

namespace raftmq {
namespace {

using Kind = DiskOperation::Kind;

class MemoryFileMap final : public FileMap {
 public:
  MemoryFileMap(std::shared_ptr<MemoryFileSystemState> state, std::shared_ptr<MemoryMapBlock> block)
      : state_(std::move(state)), block_(std::move(block)) {}
  ByteSpan bytes() const override { return {block_->data, block_->size}; }
  void AdviseSequential(bool) override {}
  bool IsResident(std::size_t, std::size_t) const override {
    const std::lock_guard lock(state_->mutex);
    return !state_->are_pages_cold;
  }
  Status Populate(std::size_t, std::size_t) override { return Ok(); }

 private:
  const std::shared_ptr<MemoryFileSystemState> state_;
  const std::shared_ptr<MemoryMapBlock> block_;
};

}  // namespace

MemoryFile::MemoryFile(std::shared_ptr<MemoryFileSystemState> state, MemoryDisk::InodeNumber inode,
                       OpenMode mode, bool direct, std::string path)
    : state_(std::move(state)),
      inode_(inode),
      writable_(mode != OpenMode::kRead),
      direct_(direct),
      path_(std::move(path)) {}

MemoryFile::~MemoryFile() {
  const std::lock_guard lock(state_->mutex);
  state_->disk.Release(inode_);
}

Status MemoryFile::CheckWritable(const char* operation) const {
  if (writable_) return Ok();
  return Fail(ErrorCode::kIoError,
              fmt::format("cannot {} '{}': opened for reading only", operation, path_));
}

void MemoryFile::CheckAligned(std::uint64_t at, const void* data, std::size_t count) const {
  if (!direct_) return;
  RAFTMQ_CHECK(at % kPageBytes == 0);
  RAFTMQ_CHECK(count % kPageBytes == 0);
  RAFTMQ_CHECK(reinterpret_cast<std::uintptr_t>(data) % kPageBytes == 0);
}

Status MemoryFile::Write(std::uint64_t at, ByteSpan bytes) {
  RAFTMQ_TRY(CheckWritable("write"));
  CheckAligned(at, bytes.data(), bytes.size());
  const std::lock_guard lock(state_->mutex);
  Status status = state_->disk.Write(inode_, at, bytes);
  if (status) ShowInMaps(at, bytes.size());
  return state_->Done(std::move(status),
                      {.kind = Kind::kWrite, .path = path_, .at = at, .bytes = bytes.size()});
}

Status MemoryFile::Read(std::uint64_t at, MutableByteSpan into) const {
  CheckAligned(at, into.data(), into.size());
  const std::lock_guard lock(state_->mutex);
  const MemoryInode& content = state_->disk.Content(inode_);
  if (at > content.size() || into.size() > content.size() - at)
    return Fail(ErrorCode::kIoError, fmt::format("'{}' ends at {}: expected {} bytes at {}", path_,
                                                 content.size(), into.size(), at));
  content.Read(at, into);
  return Ok();
}

Status MemoryFile::Sync() {
  const std::lock_guard lock(state_->mutex);
  state_->disk.Sync(inode_);
  return state_->Done(Ok(), {.kind = Kind::kSync, .path = path_});
}

Status MemoryFile::Allocate(std::uint64_t size) {
  RAFTMQ_TRY(CheckWritable("allocate"));
  const std::lock_guard lock(state_->mutex);
  return state_->Done(state_->disk.Allocate(inode_, size),
                      {.kind = Kind::kAllocate, .path = path_, .bytes = size});
}

Status MemoryFile::Zero(std::uint64_t at, std::uint64_t count) {
  RAFTMQ_TRY(CheckWritable("zero a range of"));
  const std::lock_guard lock(state_->mutex);
  Status status = state_->disk.Zero(inode_, at, count);
  if (status) ShowInMaps(at, count);
  return state_->Done(std::move(status),
                      {.kind = Kind::kZero, .path = path_, .at = at, .bytes = count});
}

Result<std::uint64_t> MemoryFile::Size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->disk.Content(inode_).size();
}

Result<std::unique_ptr<FileMap>> MemoryFile::Map() const {
  const std::lock_guard lock(state_->mutex);
  const MemoryInode& content = state_->disk.Content(inode_);
  auto block = std::make_shared<MemoryMapBlock>(content.size());
  content.ReadOver({block->data, block->size});
  auto& maps = state_->maps[inode_];
  std::erase_if(maps, [](const auto& map) { return map.expired(); });
  maps.push_back(block);
  return std::unique_ptr<FileMap>(std::make_unique<MemoryFileMap>(state_, std::move(block)));
}

void MemoryFile::ShowInMaps(std::uint64_t at, std::uint64_t count) const {
  const auto maps = state_->maps.find(inode_);
  if (maps == state_->maps.end()) return;
  for (const auto& weak : maps->second) {
    const auto block = weak.lock();
    if (!block || at >= block->size) continue;
    const std::size_t shown = std::min<std::uint64_t>(count, block->size - at);
    state_->disk.Content(inode_).Read(at, {block->data + at, shown});
  }
}

}  // namespace raftmq
