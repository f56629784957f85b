#include "segment/log_disk.h"

#include <algorithm>

#include "protocol/types/check.h"

namespace raftmq {
namespace {

// Shared by all logs of a disk thread: a block of this size for each partition would be most of its
// memory.
AlignedBlock& StagingOfThisThread() {
  static thread_local AlignedBlock staging(kStagingBytes);
  return staging;
}

}  // namespace

Status LogDisk::OpenActive(const SegmentName& name, std::uint64_t position) {
  RAFTMQ_TRY_ASSIGN(active_, SegmentWriter::Open(files_, PathOf(name), position));
  active_name_ = name;
  return Ok();
}

std::optional<LogDisk::Active> LogDisk::active() const {
  if (!active_) return std::nullopt;
  return Active{active_name_, active_->position()};
}

Status LogDisk::DropIndexFile(const SegmentName& name) {
  const Status removed = files_.Remove(IndexPathOf(name));
  if (!removed && removed.error().code == ErrorCode::kNotFound) return Ok();
  RAFTMQ_TRY(removed);
  return SyncDirectory();
}

Status LogDisk::Append(std::span<const SharedBytes> frames, bool on_fresh_page) {
  RAFTMQ_CHECK(active_ != nullptr);
  return active_->Append(frames, on_fresh_page, StagingOfThisThread());
}

Status LogDisk::SyncActive() { return active_ ? active_->Sync() : Ok(); }

SharedBytes LogDisk::UnfinishedPage() const {
  return active_ ? SharedBytes::Copy(active_->unfinished_page()) : SharedBytes();
}

Result<std::shared_ptr<FileMap>> LogDisk::MapOf(const SegmentName& name) {
  RAFTMQ_TRY_ASSIGN(const auto file, files_.Open(PathOf(name), OpenMode::kRead));
  RAFTMQ_TRY_ASSIGN(auto map, file->Map());
  return std::shared_ptr<FileMap>(std::move(map));
}

Status LogDisk::RemoveIfThere(const std::string& path) {
  auto removed = files_.Remove(path);
  if (!removed && removed.error().code == ErrorCode::kNotFound) return Ok();
  return removed;
}

// Derived data: it need not be synced, and a full disk, or no bytes, only means that it is rebuilt
// at the next start.
Status LogDisk::WriteIndexFile(const SegmentName& name, const std::vector<std::byte>& bytes) {
  const std::string path = directory_ + "/" + name.IndexFile();
  RAFTMQ_TRY(RemoveIfThere(path));
  if (bytes.empty()) return Ok();
  auto file = files_.Open(path, OpenMode::kCreate);
  const Status written = file ? (*file)->Write(0, bytes) : Status(Fail(file.error()));
  if (written || written.error().code != ErrorCode::kDiskFull) return written;
  return RemoveIfThere(path);
}

Status LogDisk::RollOver(const Roll& roll) {
  if (active_) {
    RAFTMQ_TRY(active_->Sync());
    RAFTMQ_TRY(WriteIndexFile(roll.sealed, roll.index_file));
  }
  RAFTMQ_TRY(meta_->WriteMark(roll.mark));
  RAFTMQ_TRY(meta_->Sync());
  RAFTMQ_TRY(files_.Rename(PreparedPath(), PathOf(roll.next)));
  RAFTMQ_TRY(files_.SyncDirectory(directory_));
  return OpenActive(roll.next, 0);
}

Status LogDisk::Cut(const LogMark& mark, const std::vector<SegmentName>& newer) {
  RAFTMQ_TRY(SyncActive());  // The mark may name entries of this very job.
  const std::optional<LogBase> base = meta_->intent().base;
  RAFTMQ_TRY(meta_->SaveIntent({.pending = LogIntent::Pending::kCut, .after = mark, .base = base}));
  RAFTMQ_TRY(meta_->LowerMark(mark));
  active_.reset();
  for (auto name = newer.rbegin(); name != newer.rend(); ++name) {
    RAFTMQ_TRY(RemoveSegment(*name));
    RAFTMQ_TRY(files_.SyncDirectory(directory_));
  }
  RAFTMQ_TRY_ASSIGN(const std::vector<SegmentName> names, ListSegments());
  for (const SegmentName& name : names) {
    if (name.first != mark.segment_first) continue;
    RAFTMQ_TRY(
        RemoveIfThere(directory_ + "/" + name.IndexFile()));  // It told of entries that are gone.
    RAFTMQ_TRY(OpenActive(name, mark.position));
    RAFTMQ_TRY(active_->CutFrom(mark.position));
    RAFTMQ_TRY(active_->Sync());
  }
  RAFTMQ_TRY(files_.SyncDirectory(directory_));
  return meta_->SaveIntent({.after = mark, .base = base});
}

// Until all files are gone the intent names the reset, so that a crash on the way leaves nothing
// to judge: what is left is deleted, also a file of the name that the next one will have.
Status LogDisk::Reset(const LogMark& mark, const LogBase& base) {
  RAFTMQ_TRY(
      meta_->SaveIntent({.pending = LogIntent::Pending::kReset, .after = mark, .base = base}));
  RAFTMQ_TRY(meta_->LowerMark(mark, {base.before.index.Next(), base.before.next_offset}));
  active_.reset();
  RAFTMQ_TRY_ASSIGN(const std::vector<SegmentName> names, ListSegments());
  for (auto name = names.rbegin(); name != names.rend(); ++name) RAFTMQ_TRY(RemoveSegment(*name));
  RAFTMQ_TRY(files_.SyncDirectory(directory_));
  return meta_->SaveIntent({.after = mark, .base = base});
}

Status LogDisk::FinishIntent() {
  const LogIntent intent = meta_->intent();
  if (intent.pending == LogIntent::Pending::kReset) return Reset(intent.after, *intent.base);
  RAFTMQ_TRY_ASSIGN(std::vector<SegmentName> newer, ListSegments());
  std::erase_if(newer, [&intent](const SegmentName& name) {
    return name.first <= intent.after.segment_first;
  });
  RAFTMQ_TRY(ExtendTo(intent.after));
  return Cut(intent.after, newer);
}

// Of a file that was cut short from outside the missing bytes are zeros: damage, if they were
// promised.
Status LogDisk::ExtendTo(const LogMark& mark) {
  RAFTMQ_TRY_ASSIGN(const std::vector<SegmentName> names, ListSegments());
  const auto name = std::ranges::find(names, mark.segment_first, &SegmentName::first);
  if (name == names.end()) return Ok();
  RAFTMQ_TRY_ASSIGN(const auto file, files_.Open(PathOf(*name), OpenMode::kWrite));
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, file->Size());
  const std::uint64_t wanted = AlignUp(mark.position, kPageBytes);
  if (size >= wanted) return Ok();
  RAFTMQ_TRY(file->Allocate(wanted));
  return file->Sync();
}

Result<std::vector<SegmentName>> LogDisk::ListSegments() {
  RAFTMQ_TRY_ASSIGN(const auto entries, files_.List(directory_));
  std::vector<SegmentName> names;
  for (const auto& entry : entries) {
    if (const auto name = ParseSegmentLogFile(entry.name)) names.push_back(*name);
  }
  std::ranges::sort(names);
  return names;
}

Status LogDisk::RemoveSegment(const SegmentName& name) {
  RAFTMQ_TRY(RemoveIfThere(directory_ + "/" + name.IndexFile()));
  return RemoveIfThere(PathOf(name));
}

Status LogDisk::PrepareNew(std::uint64_t capacity, const DiskSpace* space) {
  RAFTMQ_TRY(RemoveIfThere(PreparedPath()));
  RAFTMQ_TRY(CheckLeavesKept(files_, directory_, capacity, space));
  RAFTMQ_TRY_ASSIGN(const auto file, files_.Open(PreparedPath(), OpenMode::kCreate));
  return file->Allocate(capacity);
}

Status LogDisk::RaiseFirst(const SegmentName& first) {
  if (meta_->first_segment() >= first) return Ok();
  return meta_->SaveFirstSegment(first);
}

Status LogDisk::PrepareReused(const SegmentName& freed, const SegmentName& first,
                              std::uint64_t capacity, const DiskSpace* space) {
  RAFTMQ_TRY(RaiseFirst(first));
  RAFTMQ_TRY(RemoveIfThere(PreparedPath()));
  RAFTMQ_TRY(RemoveIfThere(directory_ + "/" + freed.IndexFile()));
  const Status renamed = files_.Rename(PathOf(freed), PreparedPath());
  const bool is_missing = !renamed && renamed.error().code == ErrorCode::kNotFound;
  if (is_missing) return PrepareNew(capacity, space);
  RAFTMQ_TRY(renamed);
  return files_.SyncDirectory(directory_);
}

Status LogDisk::ZeroPrepared(std::uint64_t at, std::uint64_t count) {
  RAFTMQ_TRY_ASSIGN(const auto file, files_.Open(PreparedPath(), OpenMode::kDirect));
  AlignedBlock& zeros = StagingOfThisThread();
  std::fill_n(zeros.data(), zeros.size(), std::byte{0});
  for (const std::uint64_t end = at + count; at < end; at += zeros.size()) {
    RAFTMQ_TRY(file->Write(at, {zeros.data(), static_cast<std::size_t>(std::min<std::uint64_t>(
                                                  zeros.size(), end - at))}));
  }
  return Ok();
}

Status LogDisk::SyncPrepared() {
  RAFTMQ_TRY_ASSIGN(const auto file, files_.Open(PreparedPath(), OpenMode::kWrite));
  RAFTMQ_TRY(file->Sync());
  return files_.SyncDirectory(directory_);
}

Status LogDisk::DropPrepared() { return RemoveIfThere(PreparedPath()); }

Status LogDisk::Delete(const SegmentName& name, const SegmentName& first) {
  RAFTMQ_TRY(RaiseFirst(first));
  RAFTMQ_TRY(RemoveSegment(name));
  return files_.SyncDirectory(directory_);
}

}  // namespace raftmq
