#include "segment/log_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "segment/index_file.h"
#include "segment/meta_file.h"
#include "segment/segment_name.h"
#include "segment/segment_scan.h"
#include "segment/sparse_index.h"

namespace raftmq {
namespace {

ByteSpan PayloadOf(const BatchHeader& header, ByteSpan frame) {
  return frame.subspan(kBatchHeaderBytes, header.producer.length - kBatchHeaderBytes);
}

class Checker {
 public:
  Checker(FileSystem& files, const LogCheckHooks& hooks) : files_(files), hooks_(hooks) {}

  Result<LogCheck> RunPartition(const std::string& directory);
  Result<LogCheck> RunSegment(const std::string& path);

 private:
  struct Walked {
    LogTail tail;
    std::uint64_t end = 0;
    std::string end_reason;
    SparseIndex index;
  };

  Status ReadMeta();
  Result<std::vector<SegmentName>> ListSegments();
  Result<Walked> Walk(const std::string& path, const LogTail& before);
  void OnEntry(const BatchHeader& header, ByteSpan frame, const CheckedEntry& entry);
  void FinishCheckpoint(const std::string& path, bool is_committed);
  Status CheckIndexFile(const SegmentName& name, const Walked& walked);
  void CheckBoundary(const SegmentName& name, const std::string& path, const Walked& walked,
                     const SegmentName& next);
  void CheckFront(const std::vector<SegmentName>& names);
  void CheckEnd(const std::string& path, const Walked& walked);
  void AddGap(const std::string& path, const ScanGap& gap);
  void AddFault(LogFault fault) { check_.faults.push_back(std::move(fault)); }
  Index promised() const { return std::max(mark_.tail.index, commit_floor_); }
  std::string PathOf(const SegmentName& name) const { return directory_ + "/" + name.LogFile(); }

  FileSystem& files_;
  const LogCheckHooks& hooks_;
  std::string directory_;
  LogCheck check_;
  LogMark mark_;
  SegmentName first_segment_;  // As meta has it; index 0: not known.
  bool is_reset_ = false;      // And its first checkpoint need not be here yet.
  std::uint64_t seed_ = 0;
  Index commit_floor_;
  std::vector<std::pair<std::string, ScanGap>> gaps_;
  std::uint64_t bytes_read_ = 0;
  // The checkpoint at the front of the segment that is walked.
  LogTail before_segment_;
  std::vector<ByteBuffer> parts_;
  std::uint32_t parts_wanted_ = 0;
};

Status Checker::ReadMeta() {
  std::vector<std::string> bad_copies;
  const std::string path = directory_ + "/meta";
  const auto meta = MetaFile::OpenToRead(files_, path, &bad_copies);
  if (!meta) return Fail(meta.error());
  for (const std::string& what : bad_copies) AddFault({.path = path, .what = what});
  check_.group = (*meta)->identity().group;
  check_.replica = (*meta)->identity().replica;
  check_.node = (*meta)->identity().node;
  check_.hard_state = (*meta)->hard_state();
  seed_ = (*meta)->identity().group_seed;
  mark_ = (*meta)->mark();
  first_segment_ = (*meta)->first_segment();
  commit_floor_ = mark_.committed;
  const LogIntent& intent = (*meta)->intent();
  if (intent.pending != LogIntent::Pending::kNone) {
    check_.notes.push_back(fmt::format("a {} after index {} is unfinished: the next start ends it",
                                       intent.pending == LogIntent::Pending::kCut ? "cut" : "reset",
                                       intent.after.tail.index.value()));
  }
  is_reset_ = intent.pending == LogIntent::Pending::kReset ||
              (intent.base && mark_.tail.index < intent.base->checkpoint_last &&
               intent.base->before.index <= mark_.tail.index);
  return Ok();
}

Result<std::vector<SegmentName>> Checker::ListSegments() {
  std::vector<SegmentName> names;
  RAFTMQ_TRY_ASSIGN(const auto entries, files_.List(directory_));
  for (const DirectoryEntry& entry : entries) {
    const auto name = ParseSegmentLogFile(entry.name);
    if (!name) continue;
    if (entry.type != FileType::kRegular) {
      AddFault({.path = PathOf(*name), .what = "expected a regular file, found another type"});
      continue;
    }
    names.push_back(*name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void Checker::OnEntry(const BatchHeader& header, ByteSpan frame, const CheckedEntry& entry) {
  if (check_.entries == 0) {
    check_.first = header.leader.index;
    check_.first_offset = header.leader.base_offset;
  }
  check_.last = header.leader.index;
  check_.next_offset = header.end_offset();
  ++check_.entries;
  check_.bytes += header.padded_length();
  const Index index = header.leader.index;
  const bool is_evidence = index <= mark_.tail.index || index > mark_.unproven;
  if (is_evidence) commit_floor_ = std::max(commit_floor_, header.leader.committed_up_to);
  if (header.producer.kind == EntryKind::kCheckpoint && parts_.size() < parts_wanted_) {
    const ByteSpan payload = PayloadOf(header, frame);
    if (parts_.empty()) {
      const auto part = ParseCheckpointPart(payload);
      if (part) parts_wanted_ = part->parts;
    }
    ByteBuffer copy(payload.size());
    std::copy(payload.begin(), payload.end(), copy.data());
    parts_.push_back(std::move(copy));
  }
  if (hooks_.on_entry) hooks_.on_entry(entry);
}

Result<Checker::Walked> Checker::Walk(const std::string& path, const LogTail& before) {
  RAFTMQ_TRY_ASSIGN(auto bytes, SegmentBytes::Open(files_, path, false));
  LogTail from = before;
  RAFTMQ_TRY(TakeChainFromFront(bytes, &from));
  parts_.clear();
  parts_wanted_ = 1;
  before_segment_ = from;
  Walked walked;
  RAFTMQ_TRY_ASSIGN(
      const SegmentScan scan,
      ScanSegment(
          bytes, 0, from, seed_,
          [&](const BatchHeader& header, ByteSpan frame, std::uint64_t at) {
            walked.index.Add(header, at);
            OnEntry(header, frame, {header, frame.first(header.producer.length), path, at});
          },
          [&](const ScanGap& gap) { gaps_.emplace_back(path, gap); }));
  walked.tail = scan.tail;
  walked.end = scan.end;
  walked.end_reason = scan.end_reason;
  ++check_.segments;
  bytes_read_ += bytes.size();
  if (hooks_.on_progress) hooks_.on_progress(bytes_read_);
  return walked;
}

// The segment begins with a whole checkpoint that continues what stands before it.
void Checker::FinishCheckpoint(const std::string& path, bool is_committed) {
  std::vector<ByteSpan> spans;
  for (const ByteBuffer& part : parts_) spans.push_back(part.span());
  if (parts_.size() < parts_wanted_) {
    if (is_committed)
      AddFault({.path = path, .what = "the checkpoint at the segment's front is not whole"});
    return;
  }
  const auto checkpoint = DecodeCheckpoint(spans);
  if (!checkpoint) return AddFault({.path = path, .what = checkpoint.error().message});
  const bool continues = checkpoint->before.index == before_segment_.index &&
                         checkpoint->before.next_offset == before_segment_.next_offset &&
                         checkpoint->group == check_.group;
  if (!continues) {
    AddFault(
        {.path = path,
         .what = fmt::format("its checkpoint continues index {} of {}, expected index {} of {}",
                             checkpoint->before.index.value(), checkpoint->group.ToString(),
                             before_segment_.index.value(), check_.group.ToString())});
  }
}

Status Checker::CheckIndexFile(const SegmentName& name, const Walked& walked) {
  const std::string path = directory_ + "/" + name.IndexFile();
  const auto file = ReadIndexFile(files_, path);
  if (file) {
    if (*file != IndexFile{walked.index, {walked.tail, walked.end}})
      AddFault({.path = path, .what = "it differs from the index of the segment's entries"});
    return Ok();
  }
  switch (file.error().code) {
    case ErrorCode::kNotFound:
      check_.notes.push_back(fmt::format("'{}' is missing: the next start rebuilds it", path));
      return Ok();
    case ErrorCode::kIoError:
      return Fail(file.error());
    default:
      AddFault({.path = path, .what = file.error().message});
      return Ok();
  }
}

void Checker::CheckBoundary(const SegmentName& name, const std::string& path, const Walked& walked,
                            const SegmentName& next) {
  if (walked.tail.index.Next() == next.first) return;
  AddFault({.path = path,
            .position = walked.end,
            .first = walked.tail.index.Next(),
            .last = next.first.Minus(1),
            .first_offset = walked.tail.next_offset,
            .end_offset = next.first_offset,
            .what = fmt::format("segment {} ends before its successor begins: {}",
                                name.first.value(), walked.end_reason)});
}

// The log's first segment is the one that the mark names.
void Checker::CheckFront(const std::vector<SegmentName>& names) {
  if (names.empty() || first_segment_.first == Index(0)) return;
  const SegmentName& front = names.front();
  if (front < first_segment_) {
    check_.notes.push_back(fmt::format(
        "'{}' lies before the log's beginning: the next start deletes it", PathOf(front)));
  }
  if (first_segment_ < front) {
    AddFault({.path = PathOf(first_segment_),
              .first = first_segment_.first,
              .last = front.first.Minus(1),
              .first_offset = first_segment_.first_offset,
              .end_offset = front.first_offset,
              .what = "the log's first segment is missing"});
  }
}

// Behind the last whole entry: nothing, or what was never promised.
void Checker::CheckEnd(const std::string& path, const Walked& walked) {
  if (mark_.tail.index > walked.tail.index) {
    AddFault({.path = path,
              .position = walked.end,
              .first = walked.tail.index.Next(),
              .last = mark_.tail.index,
              .first_offset = walked.tail.next_offset,
              .end_offset = mark_.tail.next_offset,
              .what = fmt::format("synced entries are missing: {}", walked.end_reason)});
  }
}

void Checker::AddGap(const std::string& path, const ScanGap& gap) {
  if (gap.before.index >= promised()) {
    check_.notes.push_back(fmt::format(
        "'{}' from byte {}: a write that was never promised ({}); the next start cuts it off", path,
        gap.begin, gap.what));
    return;
  }
  AddFault({.path = path,
            .position = gap.begin,
            .first = gap.before.index.Next(),
            .last = gap.next.Minus(1),
            .first_offset = gap.before.next_offset,
            .end_offset = gap.next_offset,
            .what = gap.what});
}

Result<LogCheck> Checker::RunPartition(const std::string& directory) {
  directory_ = directory;
  if (const Status meta = ReadMeta(); !meta) {
    if (meta.error().code != ErrorCode::kDataCorrupt) return Fail(meta.error());
    AddFault({.path = directory + "/meta", .what = meta.error().message});
    return std::move(check_);
  }
  RAFTMQ_TRY_ASSIGN(const std::vector<SegmentName> names, ListSegments());
  if (is_reset_) {
    check_.notes.push_back(fmt::format("reset by its leader: the log begins anew behind index {}",
                                       mark_.tail.index.value()));
  } else if (names.empty()) {
    AddFault({.path = directory, .what = "no segment file is left"});
  }
  CheckFront(names);
  LogTail before;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string path = PathOf(names[i]);
    const bool follows = i > 0 && before.index.Next() == names[i].first;
    if (!follows) before = {names[i].first.Minus(1), Term(), names[i].first_offset, 0, 0};
    RAFTMQ_TRY_ASSIGN(const Walked walked, Walk(path, before));
    FinishCheckpoint(path, !is_reset_ && names[i].first <= promised());
    if (i + 1 < names.size()) {
      RAFTMQ_TRY(CheckIndexFile(names[i], walked));
      CheckBoundary(names[i], path, walked, names[i + 1]);
    } else {
      CheckEnd(path, walked);
    }
    before = walked.tail;
  }
  for (const auto& [path, gap] : gaps_) AddGap(path, gap);
  check_.committed = commit_floor_;
  return std::move(check_);
}

Result<LogCheck> Checker::RunSegment(const std::string& path) {
  const auto name = ParseSegmentLogFile(path.substr(path.rfind('/') + 1));
  if (!name) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("expected a segment file, named after its first index and offset, "
                            "found '{}'",
                            path));
  }
  RAFTMQ_TRY_ASSIGN(auto bytes, SegmentBytes::Open(files_, path, false));
  RAFTMQ_TRY_ASSIGN(ByteSpan frame, bytes.Get(0, kBatchHeaderBytes));
  auto header = frame.size() == kBatchHeaderBytes
                    ? ParseBatchHeader(frame)
                    : Result<BatchHeader>(Fail(ErrorCode::kBadBatch, "the file is too short"));
  Result<std::uint64_t> seed = Fail(ErrorCode::kBadBatch, "no checkpoint at its front");
  if (header && header->producer.kind == EntryKind::kCheckpoint) {
    RAFTMQ_TRY_ASSIGN(frame, bytes.Get(0, header->producer.length));
    if (frame.size() == header->producer.length) {
      const auto head = CheckpointHeadOf(PayloadOf(*header, frame));
      if (head) {
        check_.group = head->group;
        seed_ = head->group_seed;
        seed = head->group_seed;
      }
    }
  }
  if (!seed) {
    AddFault({.path = path,
              .what = "its first entry is no whole checkpoint, which tells the seed "
                      "of all its hashes: " +
                      seed.error().message});
    return std::move(check_);
  }
  RAFTMQ_TRY_ASSIGN(const Walked walked,
                    Walk(path, {name->first.Minus(1), Term(), name->first_offset, 0, 0}));
  FinishCheckpoint(path, true);
  for (const auto& [gap_path, gap] : gaps_) AddGap(gap_path, gap);
  check_.notes.push_back(
      fmt::format("the whole entries end at byte {}: {}", walked.end, walked.end_reason));
  return std::move(check_);
}

}  // namespace

Result<LogCheck> CheckPartition(FileSystem& files, const std::string& directory,
                                const LogCheckHooks& hooks) {
  return Checker(files, hooks).RunPartition(directory);
}

Result<LogCheck> CheckSegmentFile(FileSystem& files, const std::string& path,
                                  const LogCheckHooks& hooks) {
  return Checker(files, hooks).RunSegment(path);
}

}  // namespace raftmq
