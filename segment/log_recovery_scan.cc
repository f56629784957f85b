// What stands in the files: index files that are believed, frames that are checked.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>

#include "segment/index_file.h"
#include "segment/log_recovery_run.h"

namespace raftmq {
namespace {

SparseIndex::Summary SummaryOf(const Segment& segment) {
  return {segment.tail, segment.staged_end};
}

// An index file that the disk or somebody has put in another's place is whole, too.
bool EndsBefore(const SegmentName& next, const LogTail& tail) {
  return tail.index.Next() == next.first && tail.next_offset == next.first_offset;
}

std::vector<std::byte> EncodeIndex(const Segment& segment) {
  return segment.index.Encode(SummaryOf(segment));
}

}  // namespace

// What is known of the entries before a segment: its name, and of the first one after a reset all.
LogTail LogRecovery::BeforeSegment(const SegmentName& name) const {
  if (report_->base && report_->base->before.index.Next() == name.first)
    return report_->base->before;
  return {name.first.Minus(1), Term(), name.first_offset, 0, 0};
}

Status LogRecovery::LoadSealed(std::size_t i) {
  Segment& segment = log_.segments[i];
  segment.sealed = true;
  auto file = ReadIndexFile(files_, IndexPathOf(segment.name));
  RAFTMQ_TRY_ASSIGN(const auto log, SegmentBytes::Open(files_, segment.path, false));
  if (file && file->summary.used_bytes > log.size()) {
    file = Fail(ErrorCode::kDataCorrupt, fmt::format("it tells of {} bytes, the segment has {}",
                                                     file->summary.used_bytes, log.size()));
  }
  if (file && i + 1 < log_.segments.size() &&
      !EndsBefore(log_.segments[i + 1].name, file->summary.tail)) {
    file = Fail(
        ErrorCode::kDataCorrupt,
        fmt::format("it ends with entry {}, the next segment begins with {}",
                    file->summary.tail.index.value(), log_.segments[i + 1].name.first.value()));
  }
  if (file) {
    segment.index = std::move(file->index);
    segment.tail = file->summary.tail;
    segment.staged_end = file->summary.used_bytes;
    return Ok();
  }
  report_->notes.push_back(
      fmt::format("rebuilt the index of '{}': {}", segment.path, file.error().message));
  const std::size_t holes = holes_.size();
  // It may have lost its index to a repair that was broken off before its sync.
  RAFTMQ_TRY(SyncFile(segment.path));
  RAFTMQ_TRY(Scan(i, BeforeSegment(segment.name), false));
  // Without the file the next start finds the damage again, too.
  const bool is_whole =
      holes_.size() == holes && (i + 1 == log_.segments.size() ||
                                 segment.tail.index.Next() == log_.segments[i + 1].name.first);
  if (!is_whole) return Ok();
  return log_.disk->WriteIndexFile(segment.name, EncodeIndex(segment));
}

// Scans one segment, whose entry before is `before`, and takes what it finds.
Status LogRecovery::Scan(std::size_t i, const LogTail& before, bool direct) {
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
          [&](const ScanGap& gap) {
            holes_.push_back({i, gap});
          }));
  segment.tail = scan.tail;
  segment.staged_end = scan.end;
  rest_is_zero_ = scan.rest_is_zero;
  end_reason_ = scan.end_reason;
  return Ok();
}

Status LogRecovery::ScanAboveMark() {
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
    // What is missing before its segment does not make an entry promised that is torn in it.
    const bool follows =
        i > at_mark && log_.segments[i - 1].tail.index.Next() >= segment.name.first;
    const LogTail before = follows ? log_.segments[i - 1].tail : BeforeSegment(segment.name);
    RAFTMQ_TRY(Scan(i, before, true));
    segment.sealed = i + 1 < log_.segments.size();
  }
  return Ok();
}

// Entries of sealed segments were not looked at, but may be above the commit floor too.
Status LogRecovery::CompleteMarks() {
  while (!log_.marks.empty() && log_.marks.back().tail.index > log_.tail.index)
    log_.marks.pop_back();
  // An older segment whose index was rebuilt has left marks, too, and damage parts them: only the
  // run to the end counts.
  const std::size_t scanned_from = std::min(scanned_from_, log_.segments.size() - 1);
  const Index first_scanned = log_.segments[scanned_from].name.first;
  std::erase_if(log_.marks, [first_scanned](const EntryMark& mark) {
    return mark.segment_first < first_scanned;
  });
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

// The mark may lie in a sealed segment, whose index no sync has reached: it was not needed this
// time, and the next start, which loads it, must find it whole.
Status LogRecovery::WriteScannedIndexes() {
  for (std::size_t i = scanned_from_; i + 1 < log_.segments.size(); ++i) {
    const Segment& segment = log_.segments[i];
    const bool is_whole =
        std::ranges::none_of(holes_, [i](const Hole& hole) { return hole.segment == i; });
    if (!is_whole) continue;
    const auto found = ReadIndexFile(files_, IndexPathOf(segment.name));
    if (found && *found == IndexFile{segment.index, SummaryOf(segment)}) continue;
    report_->notes.push_back(fmt::format("wrote the index of '{}' anew", segment.path));
    RAFTMQ_TRY(log_.disk->WriteIndexFile(segment.name, EncodeIndex(segment)));
  }
  return Ok();
}

}  // namespace raftmq
