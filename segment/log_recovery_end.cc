// Where the log ends, and what is made durable of it before anybody may build on it.
#include <fmt/format.h>

#include <algorithm>

#include "segment/log_recovery_run.h"

namespace raftmq {

// Before anybody votes, acks or serves by what was read, and before a mark promises it, it is made
// durable: a killed process may have left it in the disk's cache only.
Status LogRecovery::SyncScanned() {
  for (auto& segment : log_.segments) {
    if (segment.name.first < log_.mark.segment_first) continue;
    RAFTMQ_TRY(SyncFile(segment.path));
  }
  return files_.SyncDirectory(options_.directory);
}

Status LogRecovery::SyncFile(const std::string& path) {
  RAFTMQ_TRY_ASSIGN(const auto file, files_.Open(path, OpenMode::kWrite));
  return file->Sync();
}

// Where the log ends, and a clean place for what comes next.
Status LogRecovery::SettleTail() {
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

// A file that was cut short from outside has the room again that its checkpoint speaks of: leaders
// count on that of their followers. kDiskFull: another time.
Status LogRecovery::ExtendShortened(Segment& segment) {
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
Result<std::uint64_t> LogRecovery::CapacityOf(const Segment& segment) {
  RAFTMQ_TRY_ASSIGN(const auto head, ReadFrontHead(files_, FrontOfSegment(segment)));
  const std::uint64_t whole_pages = AlignDown(segment.allocated_bytes, kPageBytes);
  return head ? std::min(head->segment_bytes, whole_pages) : whole_pages;
}

Status LogRecovery::MarkTail() {
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

}  // namespace raftmq
