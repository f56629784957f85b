#include "segment/fault_file_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace raftmq {
namespace {

constexpr std::array kOperationNames{"open",           "read", "write",  "sync",   "allocate",
                                     "zero",           "map",  "rename", "remove", "make directory",
                                     "sync directory", "list"};

}  // namespace

struct FaultState {
  std::mutex mutex;  // Guards all below.
  std::vector<FaultRule> rules;
  std::array<std::uint64_t, kOperationNames.size()> calls{};
  bool refuse_direct = false;
  std::uint64_t allocation_budget = ~0ull;

  // The rule that befalls this call, if any; counts it.
  std::optional<FaultRule> Match(FaultOperation operation, const std::string& path) {
    const std::lock_guard lock(mutex);
    ++calls[static_cast<std::size_t>(operation)];
    for (FaultRule& rule : rules) {
      if (rule.operation != operation || path.find(rule.path_part) == std::string::npos) continue;
      if (rule.skip > 0) {
        --rule.skip;
        continue;
      }
      if (rule.count == 0) continue;
      --rule.count;
      return rule;
    }
    return std::nullopt;
  }

  // What the call meets: an error, or Ok with a bit to flip, or Ok.
  Status Meet(FaultOperation operation, const std::string& path,
              std::uint64_t* flipped_bit = nullptr) {
    const auto rule = Match(operation, path);
    if (!rule) return Ok();
    if (rule->before) rule->before();
    if (flipped_bit) *flipped_bit = rule->flipped_bit;
    if (rule->error == ErrorCode::kOk) return Ok();
    return Fail(rule->error,
                fmt::format("cannot {} '{}': injected fault",
                            kOperationNames[static_cast<std::size_t>(operation)], path));
  }

  Status TakeBudget(std::uint64_t bytes, const std::string& path) {
    const std::lock_guard lock(mutex);
    if (bytes > allocation_budget)
      return Fail(ErrorCode::kDiskFull,
                  fmt::format("cannot allocate '{}': {} bytes are wanted, {} left", path, bytes,
                              allocation_budget));
    if (allocation_budget != ~0ull) allocation_budget -= bytes;
    return Ok();
  }
};

namespace {

void Flip(std::uint64_t bit, MutableByteSpan bytes) {
  if (bit / 8 < bytes.size()) bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
}

// A copy of a map with one bit flipped; does not follow later writes.
class FlippedMap final : public FileMap {
 public:
  FlippedMap(std::unique_ptr<FileMap> below, std::uint64_t bit)
      : below_(std::move(below)), copy_(below_->bytes().begin(), below_->bytes().end()) {
    Flip(bit, copy_);
  }
  ByteSpan bytes() const override { return copy_; }
  void AdviseSequential(bool sequential) override { below_->AdviseSequential(sequential); }
  bool IsResident(std::size_t at, std::size_t count) const override {
    return below_->IsResident(at, count);
  }
  Status Populate(std::size_t at, std::size_t count) override {
    return below_->Populate(at, count);
  }

 private:
  const std::unique_ptr<FileMap> below_;
  std::vector<std::byte> copy_;
};

class FaultFile final : public File {
 public:
  FaultFile(std::unique_ptr<File> below, std::shared_ptr<FaultState> state)
      : below_(std::move(below)), state_(std::move(state)) {}

  Status Write(std::uint64_t at, ByteSpan bytes) override {
    RAFTMQ_TRY(state_->Meet(FaultOperation::kWrite, path()));
    return below_->Write(at, bytes);
  }
  Status Read(std::uint64_t at, MutableByteSpan into) const override {
    std::uint64_t bit = FaultRule::kNoBit;
    RAFTMQ_TRY(state_->Meet(FaultOperation::kRead, path(), &bit));
    RAFTMQ_TRY(below_->Read(at, into));
    Flip(bit, into);
    return Ok();
  }
  Status Sync() override {
    RAFTMQ_TRY(state_->Meet(FaultOperation::kSync, path()));
    return below_->Sync();
  }
  Status Allocate(std::uint64_t size) override {
    RAFTMQ_TRY(state_->Meet(FaultOperation::kAllocate, path()));
    RAFTMQ_TRY_ASSIGN(const std::uint64_t have, Size());
    RAFTMQ_TRY(state_->TakeBudget(size - std::min(size, have), path()));
    return below_->Allocate(size);
  }
  Status Zero(std::uint64_t at, std::uint64_t count) override {
    RAFTMQ_TRY(state_->Meet(FaultOperation::kZero, path()));
    return below_->Zero(at, count);
  }
  Result<std::uint64_t> Size() const override { return below_->Size(); }
  Result<std::unique_ptr<FileMap>> Map() const override {
    std::uint64_t bit = FaultRule::kNoBit;
    RAFTMQ_TRY(state_->Meet(FaultOperation::kMap, path(), &bit));
    RAFTMQ_TRY_ASSIGN(auto map, below_->Map());
    if (bit == FaultRule::kNoBit) return map;
    return std::unique_ptr<FileMap>(std::make_unique<FlippedMap>(std::move(map), bit));
  }
  bool IsDirect() const override { return below_->IsDirect(); }
  const std::string& path() const override { return below_->path(); }

 private:
  const std::unique_ptr<File> below_;
  const std::shared_ptr<FaultState> state_;
};

}  // namespace

FaultFileSystem::FaultFileSystem(FileSystem& below)
    : below_(below), state_(std::make_shared<FaultState>()) {}
FaultFileSystem::~FaultFileSystem() = default;

void FaultFileSystem::Add(FaultRule rule) {
  const std::lock_guard lock(state_->mutex);
  state_->rules.push_back(std::move(rule));
}

void FaultFileSystem::Clear() {
  const std::lock_guard lock(state_->mutex);
  state_->rules.clear();
}

std::uint64_t FaultFileSystem::Calls(FaultOperation operation) const {
  const std::lock_guard lock(state_->mutex);
  return state_->calls[static_cast<std::size_t>(operation)];
}

void FaultFileSystem::RefuseDirect(bool refuse) {
  const std::lock_guard lock(state_->mutex);
  state_->refuse_direct = refuse;
}

void FaultFileSystem::SetAllocationBudget(std::uint64_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->allocation_budget = bytes;
}

Result<std::unique_ptr<File>> FaultFileSystem::Open(const std::string& path, OpenMode mode) {
  RAFTMQ_TRY(state_->Meet(FaultOperation::kOpen, path));
  {
    const std::lock_guard lock(state_->mutex);
    if (mode == OpenMode::kDirect && state_->refuse_direct) mode = OpenMode::kWrite;
  }
  RAFTMQ_TRY_ASSIGN(auto file, below_.Open(path, mode));
  return std::unique_ptr<File>(std::make_unique<FaultFile>(std::move(file), state_));
}

Status FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  RAFTMQ_TRY(state_->Meet(FaultOperation::kRename, from));
  return below_.Rename(from, to);
}

Status FaultFileSystem::Remove(const std::string& path) {
  RAFTMQ_TRY(state_->Meet(FaultOperation::kRemove, path));
  return below_.Remove(path);
}

Status FaultFileSystem::CreateDirectory(const std::string& path) {
  RAFTMQ_TRY(state_->Meet(FaultOperation::kCreateDirectory, path));
  return below_.CreateDirectory(path);
}

Status FaultFileSystem::SyncDirectory(const std::string& path) {
  RAFTMQ_TRY(state_->Meet(FaultOperation::kSyncDirectory, path));
  return below_.SyncDirectory(path);
}

Result<std::vector<DirectoryEntry>> FaultFileSystem::List(const std::string& path) {
  RAFTMQ_TRY(state_->Meet(FaultOperation::kList, path));
  return below_.List(path);
}

Result<std::unique_ptr<FileLock>> FaultFileSystem::Lock(const std::string& path) {
  return below_.Lock(path);
}

Result<std::uint64_t> FaultFileSystem::FreeBytes(const std::string& path) {
  return below_.FreeBytes(path);
}

Result<PathInfo> FaultFileSystem::Inspect(const std::string& path) { return below_.Inspect(path); }

}  // namespace raftmq
