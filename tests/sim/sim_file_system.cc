#include "tests/sim/sim_file_system.h"

#include <utility>

namespace raftmq::sim {
namespace {

using Step = SimFileSystem::Step;

class SimMap final : public FileMap {
 public:
  SimMap(std::unique_ptr<FileMap> below, std::function<bool()> is_resident)
      : below_(std::move(below)), is_resident_(std::move(is_resident)) {}
  ByteSpan bytes() const override { return below_->bytes(); }
  void AdviseSequential(bool sequential) override { below_->AdviseSequential(sequential); }
  bool IsResident(std::size_t, std::size_t) const override { return is_resident_(); }
  Status Populate(std::size_t at, std::size_t count) override {
    return below_->Populate(at, count);
  }

 private:
  const std::unique_ptr<FileMap> below_;
  const std::function<bool()> is_resident_;
};

class SimFile final : public File {
 public:
  SimFile(SimFileSystem& system, std::unique_ptr<File> below)
      : system_(system), below_(std::move(below)) {}

  Status Write(std::uint64_t at, ByteSpan bytes) override {
    RAFTMQ_TRY(system_.Enter(Step::kChange));
    written_at_ = at;
    return system_.Loses(below_->path(), at) ? Ok() : below_->Write(at, bytes);
  }
  Status Read(std::uint64_t at, MutableByteSpan into) const override {
    RAFTMQ_TRY(system_.Enter(Step::kLook));
    return below_->Read(at, into);
  }
  Status Sync() override {
    RAFTMQ_TRY(system_.Enter(Step::kSync));
    return system_.LiesAbout(below_->path(), written_at_) ? Ok() : below_->Sync();
  }
  Status Allocate(std::uint64_t size) override {
    RAFTMQ_TRY(system_.Enter(Step::kChange));
    return below_->Allocate(size);
  }
  Status Zero(std::uint64_t at, std::uint64_t count) override {
    RAFTMQ_TRY(system_.Enter(Step::kChange));
    return below_->Zero(at, count);
  }
  Result<std::uint64_t> Size() const override {
    RAFTMQ_TRY(system_.Enter(Step::kLook));
    return below_->Size();
  }
  Result<std::unique_ptr<FileMap>> Map() const override {
    RAFTMQ_TRY(system_.Enter(Step::kLook));
    RAFTMQ_TRY_ASSIGN(auto below, below_->Map());
    return std::unique_ptr<FileMap>(
        std::make_unique<SimMap>(std::move(below), system_.is_resident()));
  }
  bool IsDirect() const override { return below_->IsDirect(); }
  const std::string& path() const override { return below_->path(); }

 private:
  SimFileSystem& system_;
  const std::unique_ptr<File> below_;
  std::uint64_t written_at_ = 0;  // The last one.
};

bool Befalls(DiskFault fault, Step step) {
  if (step == Step::kLook) return false;
  if (fault == DiskFault::kSyncError) return step == Step::kSync;
  if (fault == DiskFault::kWriteError) return step == Step::kChange;
  return true;
}

}  // namespace

Status SimFileSystem::Enter(Step step) {
  if (!is_dead_ && armed_ && Befalls(*armed_, step) && skip_-- == 0) {
    is_dead_ = true;
    on_fault_(*armed_);
  }
  if (is_dead_) return Fail(ErrorCode::kIoError, "the simulated disk has failed");
  return Ok();
}

Result<std::unique_ptr<File>> SimFileSystem::Open(const std::string& path, OpenMode mode) {
  RAFTMQ_TRY(Enter(mode == OpenMode::kCreate ? Step::kChange : Step::kLook));
  RAFTMQ_TRY_ASSIGN(auto below, below_.Open(path, mode));
  return std::unique_ptr<File>(std::make_unique<SimFile>(*this, std::move(below)));
}

Status SimFileSystem::Rename(const std::string& from, const std::string& to) {
  RAFTMQ_TRY(Enter(Step::kChange));
  return below_.Rename(from, to);
}

Status SimFileSystem::Remove(const std::string& path) {
  RAFTMQ_TRY(Enter(Step::kChange));
  return below_.Remove(path);
}

Status SimFileSystem::CreateDirectory(const std::string& path) {
  RAFTMQ_TRY(Enter(Step::kChange));
  return below_.CreateDirectory(path);
}

Status SimFileSystem::SyncDirectory(const std::string& path) {
  RAFTMQ_TRY(Enter(Step::kSync));
  return below_.SyncDirectory(path);
}

Result<std::vector<DirectoryEntry>> SimFileSystem::List(const std::string& path) {
  RAFTMQ_TRY(Enter(Step::kLook));
  return below_.List(path);
}

Result<std::unique_ptr<FileLock>> SimFileSystem::Lock(const std::string& path) {
  RAFTMQ_TRY(Enter(Step::kLook));
  return below_.Lock(path);
}

Result<std::uint64_t> SimFileSystem::FreeBytes(const std::string& path) {
  RAFTMQ_TRY(Enter(Step::kLook));
  return below_.FreeBytes(path);
}

Result<PathInfo> SimFileSystem::Inspect(const std::string& path) {
  RAFTMQ_TRY(Enter(Step::kLook));
  return below_.Inspect(path);
}

}  // namespace raftmq::sim
