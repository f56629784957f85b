// The disk thread's side of one log: its meta file and the writer of its active segment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "raftmq/result.h"
#include "segment/disk_space.h"
#include "segment/file_system.h"
#include "segment/meta_file.h"
#include "segment/segment_name.h"
#include "segment/segment_writer.h"

namespace raftmq {

// Touched only inside jobs, one at a time. Every error but kDiskFull of Prepare is final.
class LogDisk {
 public:
  LogDisk(FileSystem& files, std::string directory, std::unique_ptr<MetaFile> meta)
      : files_(files), directory_(std::move(directory)), meta_(std::move(meta)) {}

  // The active segment is the one of this name and goes on at `position`.
  Status OpenActive(const SegmentName& name, std::uint64_t position);

  Status Append(std::span<const SharedBytes> frames, bool on_fresh_page);
  Status SyncActive();

  // Seals the active segment (synced, its index written, the mark made durable) and opens the
  // prepared file as the next one. Durable in that order: what stands in the next segment proves
  // this one whole.
  struct Roll {
    SegmentName sealed, next;
    LogMark mark;                       // Of the sealed segment's last entry.
    std::vector<std::byte> index_file;  // Of the sealed segment; empty: it gets none yet.
  };
  Status RollOver(const Roll& roll);
  Status WriteIndexFile(const SegmentName& name, const std::vector<std::byte>& bytes);

  // Cuts everything above `mark.tail.index`, by the steps of DESIGN.md ("Cutting a suffix").
  Status Cut(const LogMark& mark, const std::vector<SegmentName>& newer);
  // Deletes all segments: the log begins behind `base` (DESIGN.md, "A reset").
  Status Reset(const LogMark& mark, const LogBase& base);
  // Finishes the cut or reset that a crash interrupted; what it deletes is found by the names.
  Status FinishIntent();

  // One step of making the next segment's file; see SegmentPreparer.
  Status PrepareNew(std::uint64_t capacity, const DiskSpace* space);
  // `first`: the log's first segment now, durable before the file is touched.
  // A freed file that somebody has taken away is replaced by a new one.
  Status PrepareReused(const SegmentName& freed, const SegmentName& first, std::uint64_t capacity,
                       const DiskSpace* space);
  Status ZeroPrepared(std::uint64_t at, std::uint64_t count);
  Status SyncPrepared();
  Status DropPrepared();

  // Deletes a segment from the log's front, or keeps its file as the next prepared one.
  Status Delete(const SegmentName& name, const SegmentName& first);
  // The log begins at segment `first` and not before: durable on return.
  Status RaiseFirst(const SegmentName& first);

  // See MetaFile::RewriteBadCopies.
  Status RepairMeta() { return meta_->RewriteBadCopies(); }
  Status SaveHardState(const HardState& state) { return meta_->SaveHardState(state); }
  Status WriteMark(const LogMark& mark) { return meta_->WriteMark(mark); }
  Status SyncMeta() { return meta_->Sync(); }
  const MetaFile& meta() const { return *meta_; }
  FileSystem& files() const { return files_; }
  // The file that is appended to, and where; nullopt if the newest segment's file is missing.
  struct Active {
    SegmentName name;
    std::uint64_t position = 0;
  };
  std::optional<Active> active() const;
  // Reads it back, because the file was written to behind the writer's back.
  Status ReadUnfinishedPage() { return active_->ReadUnfinishedPage(); }
  Status DropIndexFile(const SegmentName& name);  // Durable on return.
  Status ExtendTo(const LogMark& mark);
  Result<std::vector<SegmentName>> ListSegments();  // Oldest first.
  Status RemoveIfThere(const std::string& path);
  // With its index; not durable before SyncDirectory.
  Status RemoveSegment(const SegmentName& name);
  Status SyncDirectory() { return files_.SyncDirectory(directory_); }
  // Of a file that is made anew; removed by recovery.
  std::string RepairPath() const { return directory_ + "/repaired.tmp"; }
  // Of the active segment, for readers: a copy of the bytes of its unfinished page.
  SharedBytes UnfinishedPage() const;
  Result<std::shared_ptr<FileMap>> MapOf(const SegmentName& name);
  std::string PathOf(const SegmentName& name) const { return directory_ + "/" + name.LogFile(); }
  std::string IndexPathOf(const SegmentName& name) const {
    return directory_ + "/" + name.IndexFile();
  }

 private:
  std::string PreparedPath() const { return directory_ + "/prepared.tmp"; }

  FileSystem& files_;
  const std::string directory_;
  std::unique_ptr<MetaFile> meta_;
  SegmentName active_name_;
  std::unique_ptr<SegmentWriter> active_;  // nullptr: the newest segment's file is missing.
};

}  // namespace raftmq
