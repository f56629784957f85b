// A process's door to its simulated disk: the place where processes die and disks fail, between any
// two operations, and where mutants lie.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "segment/file_system.h"

namespace raftmq::sim {

enum class DiskFault : std::uint8_t {
  kKill,        // The process dies; what it wrote stays visible, unsynced as it is.
  kPowerCut,    // Unsynced changes are lost in any order, or torn.
  kWriteError,  // The operation fails, and with it the process.
  kSyncError,
};

// From the fault on every operation fails: whoever is still running is as good as dead and learns
// no more.
class SimFileSystem final : public FileSystem {
 public:
  // `on_fault` is called once, in the midst of the operation that it befalls.
  // `is_resident` says whether a mapped page happens to be in memory.
  SimFileSystem(FileSystem& below, std::function<void(DiskFault)> on_fault,
                std::function<bool()> is_resident)
      : below_(below), on_fault_(std::move(on_fault)), is_resident_(std::move(is_resident)) {}

  // The first operation that the fault can befall, after `skip` others that change the disk.
  void Arm(DiskFault fault, std::uint64_t skip) {
    armed_ = fault;
    skip_ = skip;
  }
  void Disarm() { armed_.reset(); }
  bool is_armed() const { return armed_.has_value(); }
  bool is_dead() const { return is_dead_; }
  // For mutants: Sync answers kOk and does nothing, for files whose path ends so and whose last
  // write was in the range.
  struct Lie {
    std::string path_end;
    std::uint64_t from = 0;
    std::uint64_t to = ~std::uint64_t{0};
  };
  void LieAboutSyncs(std::optional<Lie> lie) { lie_ = std::move(lie); }
  bool LiesAbout(const std::string& path, std::uint64_t written_at) const {
    return lie_ && path.ends_with(lie_->path_end) && written_at >= lie_->from &&
           written_at < lie_->to;
  }
  // The same for writes that begin there.
  void LoseWritesAt(std::string path_end, std::uint64_t at) {
    lost_.emplace_back(std::move(path_end), at);
  }
  void LoseNoWrites() { lost_.clear(); }
  bool Loses(const std::string& path, std::uint64_t at) const {
    return std::ranges::any_of(
        lost_, [&](const auto& lost) { return lost.second == at && path.ends_with(lost.first); });
  }

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status CreateDirectory(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> List(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  Result<std::uint64_t> FreeBytes(const std::string& path) override;
  Result<PathInfo> Inspect(const std::string& path) override;

  const std::function<bool()>& is_resident() const { return is_resident_; }
  // Before an operation: kIoError if it does not take place.
  enum class Step { kLook, kChange, kSync };
  Status Enter(Step step);

 private:
  FileSystem& below_;
  const std::function<void(DiskFault)> on_fault_;
  const std::function<bool()> is_resident_;
  std::optional<DiskFault> armed_;
  std::uint64_t skip_ = 0;
  bool is_dead_ = false;
  std::optional<Lie> lie_;
  std::vector<std::pair<std::string, std::uint64_t>> lost_;
};

}  // namespace raftmq::sim
