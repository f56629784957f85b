#include "segment/log_recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "protocol/types/check.h"
#include "segment/damaged_ranges.h"
#include "segment/front_checkpoint.h"
#include "segment/segment_scan.h"

namespace raftmq {
namespace {

class Recovery {
 public:
  Recovery(FileSystem& files, const LogOptions& options, RecoveryReport* report)
      : files_(files), options_(options), report_(report) {}

  Result<RecoveredLog> Run();

 private:
  // A place where entries should be and are not, to be judged when all evidence is in.
  struct Hole {
    std::size_t segment = 0;  // Position in log_.segments of what is before the hole.
    ScanGap gap;
  };

  LogTail BeforeSegment(const SegmentName& name) const;
  FrontOf FrontOfSegment(const Segment& segment) const {
    return {segment.path, segment.name.first, log_.identity.group_seed};
  }
  Status OpenMeta();
  Status ListSegments();
  Status SettleFirst();
  Status LoadSealed(std::size_t i);
  Status WriteScannedIndexes();
  static std::vector<std::byte> IndexBytesOf(const Segment& segment) {
    return segment.index.Encode({segment.tail, segment.staged_end});
  }
  bool HasIndexFile(const Segment& segment, ByteSpan bytes);
  Status Scan(std::size_t i, const LogTail& before, bool direct);
  Status ScanAboveMark();
  Status Judge();
  void UndoEmptyRoll();
  bool HoldsNothing() const;
  Result<RecoveredLog> BeginBehindBase();
  void TakeBase();
  Status CompleteMarks();
  Status FindCheckpoint();
  Status SettleTail();
  Status SyncScanned();
  Status MarkTail();
  Result<std::uint64_t> CapacityOf(const Segment& segment);
  Status ExtendShortened(Segment& segment);
  std::string PathOf(const SegmentName& name) const {
    return options_.directory + "/" + name.LogFile();
  }
  // Keeps the marks above the commit floor, as it is known so far, and the one at it.
  void NoteMark(const EntryMark& mark) {
    log_.marks.push_back(mark);
    while (log_.marks.size() > 1 && log_.marks[1].tail.index <= report_->commit_floor)
      log_.marks.pop_front();
  }
  // What an entry says of earlier ones shows that they were synced here, unless all were written in
  // the last job: a later one may have reached the disk without an earlier one.
  bool IsEvidence(Index index) const {
    return index <= log_.mark.tail.index || index > log_.mark.unproven;
  }
  Index Promised() const { return std::max({log_.mark.tail.index, log_.mark.committed, proven_}); }
  void AddHole(std::size_t segment, const ScanGap& gap) { holes_.push_back({segment, gap}); }
  void Damaged(const Hole& hole);
  Result<ScanGap> GapBefore(std::size_t next) const;

  FileSystem& files_;
  const LogOptions& options_;
  RecoveryReport* const report_;
  RecoveredLog log_;
  std::vector<Hole> holes_;
  Index proven_;  // Committed, as an entry says that was written after it was synced.
  std::size_t scanned_from_ = 0;  // The segment from which on all were scanned for their tail.
  bool rest_is_zero_ = true;
  std::string end_reason_;
  std::optional<std::size_t> cut_in_;  // The log is cut inside or after this segment.
};

Status Recovery::OpenMeta() {
  RAFTMQ_TRY_ASSIGN(auto meta,
                    MetaFile::Open(files_, options_.directory + "/meta", &report_->notes));
  log_.identity = meta->identity();
  if (log_.identity.group != options_.group) {
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("expected '{}' to hold group {}, found {}", options_.directory,
                            options_.group.ToString(), log_.identity.group.ToString()));
  }
  report_->replica = log_.identity.replica;
  report_->hard_state = meta->hard_state();
  report_->base = meta->intent().base;
  log_.disk = std::make_shared<LogDisk>(files_, options_.directory, std::move(meta));
  const LogIntent& intent = log_.disk->meta().intent();
  if (intent.pending != LogIntent::Pending::kNone) {
    report_->notes.push_back(
        fmt::format("finished the {} after index {}",
                    intent.pending == LogIntent::Pending::kCut ? "cut" : "reset: the log begins",
                    intent.after.tail.index.value()));
    RAFTMQ_TRY(log_.disk->FinishIntent());
  }
  log_.mark = log_.disk->meta().mark();
  report_->commit_floor = log_.mark.committed;
  return Ok();
}

Status Recovery::ListSegments() {
  RAFTMQ_TRY_ASSIGN(const auto entries, files_.List(options_.directory));
  for (const auto& entry : entries) {
    const auto name = ParseSegmentLogFile(entry.name);
    if (!name) {
      if (entry.name.ends_with(".tmp"))
        RAFTMQ_TRY(files_.Remove(options_.directory + "/" + entry.name));
      continue;
    }
    if (entry.type != FileType::kRegular) {
      return Fail(
          ErrorCode::kForeignDirectory,
          fmt::format("expected a regular file at '{}', found another type", PathOf(*name)));
    }
    Segment segment;
    segment.name = *name;
    segment.path = PathOf(*name);
    log_.segments.push_back(std::move(segment));
  }
  if (!log_.segments.empty()) {
    const bool is_at_front =
        report_->base && log_.segments.front().name.first == report_->base->before.index.Next();
    if (!is_at_front) report_->base.reset();
  } else if (!report_->base || log_.mark.tail != report_->base->before) {
    return Fail(
        ErrorCode::kDataCorrupt,
        fmt::format("'{}' has no segment file left: this replica is lost", options_.directory));
  }
  return Ok();
}

// The mark names the first segment. Older files were about to be deleted; that a newer one is in
// front is judged with the other holes.
Status Recovery::SettleFirst() {
  const SegmentName first = log_.disk->meta().first_segment();
  while (log_.segments.size() > 1 && log_.segments.front().name < first) {
    report_->notes.push_back(
        fmt::format("deleted '{}': the log begins behind it", log_.segments.front().path));
    RAFTMQ_TRY(log_.disk->Delete(log_.segments.front().name, first));
    log_.segments.pop_front();
  }
  const bool is_known = first.first > Index(0);
  log_.first = is_known ? first : log_.segments.front().name;
  return is_known ? Ok() : log_.disk->RaiseFirst(log_.first);
}

// What is known of the entries before a segment: its name, and of the first one after a reset all.
LogTail Recovery::BeforeSegment(const SegmentName& name) const {
  if (report_->base && report_->base->before.index.Next() == name.first)
    return report_->base->before;
  return {name.first.Minus(1), Term(), name.first_offset, 0, 0};
}

Status Recovery::LoadSealed(std::size_t i) {
  Segment& segment = log_.segments[i];
  segment.sealed = true;
  auto opened =
      SegmentBytes::Open(files_, options_.directory + "/" + segment.name.IndexFile(), false);
  Result<SparseIndex> index = Fail(ErrorCode::kNotFound, "it is missing");
  SparseIndex::Summary summary;
  if (opened) {
    auto bytes = opened->Get(0, static_cast<std::size_t>(opened->size()));
    index =
        bytes ? SparseIndex::Decode(*bytes, &summary) : Result<SparseIndex>(Fail(bytes.error()));
  }
  RAFTMQ_TRY_ASSIGN(const auto log, SegmentBytes::Open(files_, segment.path, false));
  if (index && summary.used_bytes > log.size()) {
    index = Fail(ErrorCode::kDataCorrupt, fmt::format("it tells of {} bytes, the segment has {}",
                                                      summary.used_bytes, log.size()));
  }
  if (index) {
    segment.index = std::move(*index);
    segment.tail = summary.tail;
    segment.staged_end = summary.used_bytes;
    return Ok();
  }
  report_->notes.push_back(
      fmt::format("rebuilt the index of '{}': {}", segment.path, index.error().message));
  const std::size_t holes = holes_.size();
  RAFTMQ_TRY(Scan(i, BeforeSegment(segment.name), false));
  // Without the file the next start finds the damage again, too.
  const bool is_whole =
      holes_.size() == holes && (i + 1 == log_.segments.size() ||
                                 segment.tail.index.Next() == log_.segments[i + 1].name.first);
  if (!is_whole) return Ok();
  return log_.disk->WriteIndexFile(segment.name, IndexBytesOf(segment));
}

// The mark may lie in a sealed segment, whose index no sync has reached: it was not needed this
// time, and the next start, which loads it, must find it whole.
Status Recovery::WriteScannedIndexes() {
  for (std::size_t i = scanned_from_; i + 1 < log_.segments.size(); ++i) {
    const Segment& segment = log_.segments[i];
    const bool is_whole =
        std::ranges::none_of(holes_, [i](const Hole& hole) { return hole.segment == i; });
    if (!is_whole) continue;
    const std::vector<std::byte> bytes = IndexBytesOf(segment);
    if (HasIndexFile(segment, bytes)) continue;
    report_->notes.push_back(fmt::format("wrote the index of '{}' anew", segment.path));
    RAFTMQ_TRY(log_.disk->WriteIndexFile(segment.name, bytes));
  }
  return Ok();
}

bool Recovery::HasIndexFile(const Segment& segment, ByteSpan bytes) {
  auto file =
      SegmentBytes::Open(files_, options_.directory + "/" + segment.name.IndexFile(), false);
  if (!file || file->size() != bytes.size()) return false;
  const auto found = file->Get(0, bytes.size());
  return found && std::ranges::equal(*found, bytes);
}

// Scans one segment, whose entry before is `before`, and takes what it finds.
Status Recovery::Scan(std::size_t i, const LogTail& before, bool direct) {
  Segment& segment = log_.segments[i];
  RAFTMQ_TRY_ASSIGN(auto bytes, SegmentBytes::Open(files_, segment.path, direct));
  segment.allocated_bytes = AlignDown(static_cast<std::size_t>(bytes.size()), kPageBytes);
  LogTail from = before;
  RAFTMQ_TRY(TakeChainFromFront(bytes, &from));
  bool first = true;
  RAFTMQ_TRY_ASSIGN(
      const SegmentScan scan,
      ScanSegment(
          bytes, 0, from, log_.identity.group_seed,
          [&](const BatchHeader& header, ByteSpan frame, std::uint64_t at) {
            report_->scanned_bytes += frame.size();
            report_->commit_floor = std::max(report_->commit_floor, header.leader.committed_up_to);
            if (IsEvidence(header.leader.index))
              proven_ = std::max(proven_, header.leader.committed_up_to);
            segment.index.Add(header, at);
            NoteMark({TailAfter(header), segment.name.first, at, at + header.padded_length()});
            if (first) segment.opened_ms = header.leader.append_time_ms;
            first = false;
          },
          [&](const ScanGap& gap) { AddHole(i, gap); }));
  segment.tail = scan.tail;
  segment.staged_end = scan.end;
  rest_is_zero_ = scan.rest_is_zero;
  end_reason_ = scan.end_reason;
  return Ok();
}

Status Recovery::ScanAboveMark() {
  std::size_t at_mark = log_.segments.size();
  for (std::size_t i = 0; i < log_.segments.size(); ++i) {
    if (log_.segments[i].name.first == log_.mark.segment_first) at_mark = i;
  }
  for (std::size_t i = 0; i < std::min(at_mark, log_.segments.size()); ++i) {
    const bool last = i + 1 == log_.segments.size();
    RAFTMQ_TRY(last ? Scan(i, BeforeSegment(log_.segments[i].name), true) : LoadSealed(i));
  }
  scanned_from_ = at_mark;
  for (std::size_t i = at_mark; i < log_.segments.size(); ++i) {
    Segment& segment = log_.segments[i];
    const LogTail before =
        i == at_mark || i == 0 ? BeforeSegment(segment.name) : log_.segments[i - 1].tail;
    RAFTMQ_TRY(Scan(i, before, true));
    segment.sealed = i + 1 < log_.segments.size();
  }
  return Ok();
}

void Recovery::Damaged(const Hole& hole) {
  const ScanGap& gap = hole.gap;
  const Index first = gap.before.index.Next();
  const Index last = gap.next.Minus(1);
  const std::string what =
      fmt::format("'{}' at byte {}: {}", log_.segments[hole.segment].path, gap.begin, gap.what);
  report_->notes.push_back(
      fmt::format("damage: entries {} to {} ({}) were promised and are kept as damaged",
                  first.value(), last.value(), what));
  AddDamage(&report_->damage, {.first = first,
                               .last = last,
                               .first_offset = gap.before.next_offset,
                               .end_offset = gap.next_offset,
                               .last_hash = gap.last_hash,
                               .term_max = gap.term_max,
                               .what = what});
}

// What is missing between a segment and the one before it, which ends too early.
Result<ScanGap> Recovery::GapBefore(std::size_t next) const {
  const Segment& segment = log_.segments[std::max<std::size_t>(next, 1) - 1];
  const SegmentName& name = log_.segments[next].name;
  // Its checkpoint says what stood before it.
  RAFTMQ_TRY_ASSIGN(const auto head, ReadFrontHead(files_, FrontOfSegment(log_.segments[next])));
  return ScanGap{.before = segment.tail,
                 .begin = segment.staged_end,
                 .end = segment.staged_end,
                 .next = name.first,
                 .next_offset = name.first_offset,
                 .last_hash = head ? head->before.chain : 0,
                 .term_max = head ? head->before.term : log_.segments[next].tail.term,
                 .what = "a segment ends before its successor begins"};
}

// Holes between segments and inside them, from the oldest: promised ones are damage, the first that
// is not ends the log.
Status Recovery::Judge() {
  for (std::size_t i = 0; i + 1 < log_.segments.size(); ++i) {
    if (log_.segments[i].tail.index.Next() >= log_.segments[i + 1].name.first) continue;
    RAFTMQ_TRY_ASSIGN(const ScanGap gap, GapBefore(i + 1));
    AddHole(i, gap);
  }
  if (log_.first < log_.segments.front().name) {
    RAFTMQ_TRY_ASSIGN(ScanGap gap, GapBefore(0));
    gap.before = {log_.first.first.Minus(1), Term(), log_.first.first_offset, 0, 0};
    gap.what = "the log's first segment is missing in front of it";
    Damaged({0, gap});
  }
  std::sort(holes_.begin(), holes_.end(),
            [](const Hole& a, const Hole& b) { return a.gap.before.index < b.gap.before.index; });
  const Index promised = Promised();
  for (const Hole& hole : holes_) {
    if (hole.gap.before.index < promised) {
      Damaged(hole);
      continue;
    }
    cut_in_ = hole.segment;
    Segment& segment = log_.segments[hole.segment];
    report_->notes.push_back(fmt::format("cut '{}' at byte {} after index {}: {}, never promised",
                                         segment.path, hole.gap.begin,
                                         hole.gap.before.index.value(), hole.gap.what));
    segment.tail = hole.gap.before;
    segment.staged_end = hole.gap.begin;
    segment.index.CutFrom(hole.gap.begin, hole.gap.before.index.Next());
    segment.sealed = false;
    break;
  }
  return Ok();
}

// Only a checkpoint opens a segment. A roll whose checkpoint never arrived is undone: the other
// replicas may never have heard of it, and the next entry may be none.
void Recovery::UndoEmptyRoll() {
  const std::size_t last = cut_in_.value_or(log_.segments.size() - 1);
  if (last == 0 || log_.segments[last].staged_end > 0) return;
  if (Promised() >= log_.segments[last].name.first) return;
  cut_in_ = last - 1;
  log_.segments[*cut_in_].sealed = false;
  report_->notes.push_back(
      fmt::format("removed '{}': nothing was in it yet", log_.segments[last].path));
}

// After a reset: nothing of the new log has arrived whole.
bool Recovery::HoldsNothing() const {
  return report_->base && log_.mark.tail == report_->base->before &&
         log_.segments.front().staged_end == 0;
}

Result<RecoveredLog> Recovery::BeginBehindBase() {
  log_.segments = {SegmentBehind(*report_->base)};
  log_.first = log_.segments.front().name;
  log_.active_is_missing = true;
  log_.tail = report_->base->before;
  log_.marks.clear();
  TakeBase();
  if (std::exchange(log_.mark.unproven, Index(0)) != Index(0)) {
    RAFTMQ_TRY(log_.disk->WriteMark(log_.mark));
    RAFTMQ_TRY(log_.disk->SyncMeta());
  }
  report_->commit_floor = log_.tail.index;
  report_->tail = log_.tail;
  log_.commit_floor = report_->commit_floor;
  return std::move(log_);
}

// What stands in the checkpoint is not known yet, but for what the reset said.
void Recovery::TakeBase() {
  report_->newest_checkpoint = {.group = log_.identity.group,
                                .group_seed = log_.identity.group_seed,
                                .membership = report_->base->membership,
                                .before = report_->base->before,
                                .log_start = report_->base->before.next_offset};
  report_->newest_checkpoint_index = report_->base->before.index.Next();
}

// Where the log ends, and a clean place for what comes next.
Status Recovery::SettleTail() {
  std::vector<SegmentName> newer;
  if (cut_in_) {
    while (log_.segments.size() > *cut_in_ + 1) {
      newer.insert(newer.begin(), log_.segments.back().name);
      log_.segments.pop_back();
    }
  }
  Segment& last = log_.segments.back();
  log_.tail = last.tail;
  if (!cut_in_ && log_.mark.tail.index > log_.tail.index) {
    // The end was promised and is gone. Its identity is the mark's; new entries follow that.
    const LogTail& end = log_.mark.tail;
    Damaged({log_.segments.size() - 1,
             {last.tail, last.staged_end, 0, end.index.Next(), end.next_offset, end.chain, end.term,
              end_reason_}});
    log_.active_is_missing =
        last.name.first != log_.mark.segment_first || log_.mark.position > last.allocated_bytes;
    log_.tail = log_.mark.tail;
    last.tail = log_.tail;
    if (!log_.active_is_missing) last.staged_end = log_.mark.position;
    if (log_.active_is_missing) return Ok();
    RAFTMQ_TRY(ExtendShortened(last));
    return log_.disk->OpenActive(last.name, last.staged_end);
  }
  RAFTMQ_TRY(ExtendShortened(last));
  if (cut_in_ || !rest_is_zero_) {
    if (!cut_in_) {
      report_->notes.push_back(
          fmt::format("cleared '{}' from byte {} on, after index {}: a write that was never "
                      "promised, or an older use of the file",
                      last.path, last.staged_end, last.tail.index.value()));
    }
    LogMark mark = log_.mark;
    mark.unproven = Index(0);
    mark.truncations += 1;
    mark.tail = last.tail;
    mark.segment_first = last.name.first;
    mark.position = last.staged_end;
    mark.committed = std::min(report_->commit_floor, last.tail.index);
    log_.mark = mark;
    return log_.disk->Cut(mark, newer);
  }
  return log_.disk->OpenActive(last.name, last.staged_end);
}

// Entries of sealed segments were not looked at, but may be above the commit floor too.
Status Recovery::CompleteMarks() {
  while (!log_.marks.empty() && log_.marks.back().tail.index > log_.tail.index)
    log_.marks.pop_back();
  // An older segment whose index was rebuilt has left marks, too: only the run to the end counts.
  auto run = log_.marks.end();
  while (run != log_.marks.begin() &&
         (run == log_.marks.end() || std::prev(run)->tail.index.Next() == run->tail.index))
    --run;
  log_.marks.erase(log_.marks.begin(), run);
  const Index known = log_.marks.empty() ? log_.tail.index : log_.marks.front().tail.index;
  const Index floor = report_->commit_floor;
  std::deque<EntryMark> earlier;
  for (const Segment& segment : log_.segments) {
    if (floor >= known || segment.tail.index < floor || segment.name.first >= known) continue;
    RAFTMQ_TRY_ASSIGN(auto bytes, SegmentBytes::Open(files_, segment.path, false));
    const auto note = [&](const BatchHeader& header, ByteSpan, std::uint64_t at) {
      const Index index = header.leader.index;
      if (index < floor || index >= known) return;
      earlier.push_back({TailAfter(header), segment.name.first, at, at + header.padded_length()});
    };
    LogTail before = BeforeSegment(segment.name);
    RAFTMQ_TRY(TakeChainFromFront(bytes, &before));
    RAFTMQ_TRY(
        ScanSegment(bytes, 0, before, log_.identity.group_seed, note, [](const ScanGap&) {}));
  }
  log_.marks.insert(log_.marks.begin(), earlier.begin(), earlier.end());
  return Ok();
}

// The newest checkpoint that is whole and committed. Damage may hide one: then an older one serves.
Status Recovery::FindCheckpoint() {
  const Index committed = std::max(report_->commit_floor, Index(1));
  for (std::size_t i = log_.segments.size(); i-- > 0;) {
    RAFTMQ_TRY_ASSIGN(auto checkpoint,
                      ReadFrontCheckpoint(files_, FrontOfSegment(log_.segments[i]), committed));
    if (!checkpoint) continue;
    report_->newest_checkpoint = std::move(*checkpoint);
    report_->newest_checkpoint_index = log_.segments[i].name.first;
    return Ok();
  }
  // After a reset the checkpoint may still be on its way. Of one that is damaged the rest is no
  // use.
  const bool is_arriving = report_->base && log_.tail.index < report_->base->checkpoint_last;
  if (is_arriving && report_->damage.empty()) {
    TakeBase();
    return Ok();
  }
  return Fail(
      ErrorCode::kDataCorrupt,
      fmt::format("no segment in '{}' has a whole committed checkpoint: this replica is lost",
                  options_.directory));
}

// Before anybody votes, acks or serves by what was read, and before a mark promises it, it is made
// durable: a killed process may have left it in the disk's cache only.
Status Recovery::SyncScanned() {
  for (auto& segment : log_.segments) {
    if (segment.name.first < log_.mark.segment_first) continue;
    RAFTMQ_TRY_ASSIGN(const auto file, files_.Open(segment.path, OpenMode::kWrite));
    RAFTMQ_TRY(file->Sync());
  }
  return files_.SyncDirectory(options_.directory);
}

Status Recovery::MarkTail() {
  const Segment& last = log_.segments.back();
  const bool is_written = log_.mark.tail == log_.tail && log_.mark.unproven == Index(0);
  log_.mark.unproven = Index(0);
  if (log_.active_is_missing || is_written) return Ok();
  log_.mark.tail = log_.tail;
  log_.mark.segment_first = last.name.first;
  log_.mark.position = last.staged_end;
  log_.mark.committed = std::min(report_->commit_floor, log_.tail.index);
  RAFTMQ_TRY(log_.disk->WriteMark(log_.mark));
  return log_.disk->SyncMeta();
}

// A file that was cut short from outside has the room again that its checkpoint speaks of: leaders
// count on that of their followers. kDiskFull: another time.
Status Recovery::ExtendShortened(Segment& segment) {
  RAFTMQ_TRY_ASSIGN(const auto head, ReadFrontHead(files_, FrontOfSegment(segment)));
  if (!head) return Ok();
  const std::uint64_t bytes = AlignUp(head->segment_bytes, kPageBytes);
  RAFTMQ_TRY_ASSIGN(const auto file, files_.Open(segment.path, OpenMode::kWrite));
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, file->Size());
  if (size >= bytes) return Ok();
  RAFTMQ_TRY(file->Allocate(bytes));
  RAFTMQ_TRY(file->Sync());
  segment.allocated_bytes = bytes;
  report_->notes.push_back(fmt::format("'{}' had only {} of {} bytes: made as long as it was",
                                       segment.path, size, bytes));
  return Ok();
}

// What its checkpoint says: the file may be larger, but those of the other replicas need not be.
Result<std::uint64_t> Recovery::CapacityOf(const Segment& segment) {
  RAFTMQ_TRY_ASSIGN(const auto head, ReadFrontHead(files_, FrontOfSegment(segment)));
  const std::uint64_t whole_pages = AlignDown(segment.allocated_bytes, kPageBytes);
  return head ? std::min(head->segment_bytes, whole_pages) : whole_pages;
}

Result<RecoveredLog> Recovery::Run() {
  RAFTMQ_TRY(OpenMeta());
  RAFTMQ_TRY(ListSegments());
  if (log_.segments.empty()) return BeginBehindBase();
  RAFTMQ_TRY(SettleFirst());
  RAFTMQ_TRY(ScanAboveMark());
  RAFTMQ_TRY(Judge());
  if (HoldsNothing()) {
    const LogBase base = *report_->base;
    RAFTMQ_TRY(log_.disk->Reset(log_.mark, base));
    return BeginBehindBase();
  }
  UndoEmptyRoll();
  RAFTMQ_TRY(SyncScanned());
  RAFTMQ_TRY(SettleTail());
  RAFTMQ_TRY(WriteScannedIndexes());
  if (report_->base)
    report_->commit_floor = std::max(report_->commit_floor, report_->base->checkpoint_last);
  report_->commit_floor = std::min(report_->commit_floor, log_.tail.index);
  RAFTMQ_TRY(CompleteMarks());
  RAFTMQ_TRY(FindCheckpoint());
  RAFTMQ_TRY(MarkTail());
  log_.segments.back().sealed = log_.active_is_missing;
  for (auto& segment : log_.segments) {
    const bool may_be_written_to = segment.tail.index >= report_->commit_floor;  // After a cut.
    if (may_be_written_to) RAFTMQ_TRY(ExtendShortened(segment));
    RAFTMQ_TRY_ASSIGN(segment.view.map, log_.disk->MapOf(segment.name));
    segment.allocated_bytes = segment.view.map->bytes().size();
    if (may_be_written_to) {
      RAFTMQ_TRY_ASSIGN(segment.allocated_bytes, CapacityOf(segment));
    }
    segment.view.end = segment.staged_end;
    segment.view.page_at = segment.sealed ? AlignUp(segment.staged_end, kPageBytes)
                                          : AlignDown(segment.staged_end, kPageBytes);
    segment.view.map->AdviseSequential(segment.sealed);
  }
  if (!log_.active_is_missing) log_.segments.back().view.page = log_.disk->UnfinishedPage();
  report_->tail = log_.tail;
  log_.commit_floor = report_->commit_floor;
  return std::move(log_);
}

}  // namespace

Result<RecoveredLog> RecoverLog(FileSystem& files, const LogOptions& options,
                                RecoveryReport* report) {
  return Recovery(files, options, report).Run();
}

}  // namespace raftmq
