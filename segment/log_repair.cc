#include "segment/log_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "segment/frame_check.h"

namespace raftmq {
namespace {

// Frames of one segment.
struct Share {
  SegmentRepair::Where where;
  std::span<const RepairFrame> frames;
};

bool OpensSegment(const RepairFrame& frame) {
  if (frame.header.producer.kind != EntryKind::kCheckpoint) return false;
  const std::size_t payload = frame.header.producer.length - kBatchHeaderBytes;
  const auto part = ParseCheckpointPart(frame.bytes.view().subspan(kBatchHeaderBytes, payload));
  return part && part->part == 0;
}

// The frames, if each is whole and follows the one before.
Result<std::vector<RepairFrame>> CheckedFrames(const RepairOrder& order) {
  std::vector<RepairFrame> frames;
  LogTail before = order.before;
  before.index = order.range.first.Minus(1);
  before.next_offset = order.range.first_offset;
  for (const SharedBytes& bytes : order.frames) {
    RAFTMQ_TRY_ASSIGN(const BatchHeader header, CheckFrame(bytes.view(), order.group_seed));
    const LeaderBlock& leader = header.leader;
    const bool follows = leader.index == before.index.Next() &&
                         leader.base_offset == before.next_offset &&
                         (before.chain == 0 || leader.chain == before.chain);
    if (!follows || bytes.size() != header.padded_length())
      return Fail(ErrorCode::kDataCorrupt,
                  fmt::format("expected the entry that follows index {}, found another one at {}",
                              before.index.value(), leader.index.value()));
    if (leader.term < before.term || leader.term > order.range.term_max)
      return Fail(
          ErrorCode::kDataCorrupt,
          fmt::format("expected terms {} to {} at index {}, found {}", before.term.value(),
                      order.range.term_max.value(), leader.index.value(), leader.term.value()));
    before = TailAfter(header);
    frames.push_back({header, bytes});
  }
  return frames;
}

Status CheckEnd(const RepairOrder& order, const BatchHeader& last) {
  const DamagedRange& range = order.range;
  if (last.leader.index > range.last)
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("expected entries up to {}, found {}", range.last.value(),
                            last.leader.index.value()));
  if (last.leader.index < range.last) return Ok();
  if (last.end_offset() == range.end_offset &&
      (range.last_hash == 0 || range.last_hash == last.header_hash))
    return Ok();
  return Fail(ErrorCode::kDataCorrupt,
              fmt::format("entry {} is not the one that is missing", range.last.value()));
}

class Repair {
 public:
  Repair(LogDisk& disk, const RepairOrder& order) : disk_(disk), order_(order) {}

  Result<RepairReport> Run();

 private:
  Status Plan();
  Status ShareOut();
  Result<SegmentRepair::Where> WhereOf(const RepairFrame& first) const;
  Status Write(std::size_t i);
  void NoteWhole(const LogTail& tail);

  LogDisk& disk_;
  const RepairOrder& order_;
  std::vector<SegmentName> names_;  // Of the files that are there.
  std::vector<RepairFrame> frames_;
  std::vector<Share> shares_;
  std::vector<SegmentRepair> repairs_;
  RepairReport report_;
};

Result<RepairReport> Repair::Run() {
  report_.first = order_.range.first;
  report_.outcome.repaired_up_to = report_.first.Minus(1);
  report_.next_offset = order_.range.first_offset;
  RAFTMQ_TRY_ASSIGN(names_, disk_.ListSegments());
  report_.outcome.status = Plan();
  for (std::size_t i = 0; report_.outcome.status && i < repairs_.size(); ++i)
    report_.outcome.status = Write(i);
  const Status& status = report_.outcome.status;
  const bool is_answer = status || status.error().code == ErrorCode::kDataCorrupt ||
                         status.error().code == ErrorCode::kDiskFull;
  if (!is_answer) return Fail(status.error());
  return std::move(report_);
}

Status Repair::Plan() {
  RAFTMQ_TRY_ASSIGN(frames_, CheckedFrames(order_));
  RAFTMQ_TRY(CheckEnd(order_, frames_.back().header));
  RAFTMQ_TRY(ShareOut());
  for (const Share& share : shares_) {
    repairs_.emplace_back(disk_, share.where);
    const Status planned = repairs_.back().Plan(share.frames);
    report_.outcome.is_misfit = repairs_.back().is_misfit();
    RAFTMQ_TRY(planned);
  }
  return Ok();
}

Status Repair::ShareOut() {
  std::span<const RepairFrame> rest = frames_;
  while (!rest.empty()) {
    std::size_t count = 1;
    while (count < rest.size() && !OpensSegment(rest[count])) ++count;
    RAFTMQ_TRY_ASSIGN(SegmentRepair::Where where, WhereOf(rest.front()));
    // What follows in these frames may be a segment that has no file yet.
    if (count < rest.size()) where.last = rest[count].header.leader.index.Minus(1);
    shares_.push_back({std::move(where), rest.first(count)});
    rest = rest.subspan(count);
  }
  return Ok();
}

Result<SegmentRepair::Where> Repair::WhereOf(const RepairFrame& first) const {
  const LeaderBlock& leader = first.header.leader;
  SegmentRepair::Where where{.group_seed = order_.group_seed};
  const auto after = std::ranges::partition_point(
      names_, [&](const SegmentName& name) { return name.first <= leader.index; });
  const bool is_opened_here = OpensSegment(first);
  where.is_there =
      after != names_.begin() && (!is_opened_here || std::prev(after)->first == leader.index);
  if (!where.is_there && !is_opened_here)
    return Fail(
        ErrorCode::kDataCorrupt,
        fmt::format("no segment for entry {}: its checkpoint comes first", leader.index.value()));
  where.name = where.is_there ? *std::prev(after) : SegmentName{leader.index, leader.base_offset};
  if (after != names_.end()) where.last = after->first.Minus(1);
  const auto active = disk_.active();
  if (active && active->name == where.name)
    where.open_end = SegmentRepair::Where::End{active->position, order_.durable};
  return where;
}

Status Repair::Write(std::size_t i) {
  SegmentRepair& repair = repairs_[i];
  const SegmentRepair::Where& where = repair.where();
  RAFTMQ_TRY(repair.Write());
  if (where.open_end) RAFTMQ_TRY(disk_.ReadUnfinishedPage());
  const Index last = shares_[i].frames.back().header.leader.index;
  RAFTMQ_TRY_ASSIGN(SegmentRepair::Found found, repair.Reindex(last));
  const LogTail whole_to = found.whole_to;
  if (whole_to.index >= order_.range.first) NoteWhole(whole_to);
  RAFTMQ_TRY_ASSIGN(auto map, disk_.MapOf(where.name));
  report_.segments.push_back({.name = where.name,
                              .is_new = !where.is_there,
                              .was_open = where.open_end.has_value(),
                              .found = std::move(found),
                              .map = std::move(map)});
  if (whole_to.index >= last) return Ok();
  return Fail(ErrorCode::kDataCorrupt,
              fmt::format("'{}' does not hold what was written to it", disk_.PathOf(where.name)));
}

// Entries of the run behind the frames may have been whole before.
void Repair::NoteWhole(const LogTail& tail) {
  const bool is_all = tail.index >= order_.range.last;
  report_.outcome.repaired_up_to = is_all ? order_.range.last : tail.index;
  report_.next_offset = is_all ? order_.range.end_offset : tail.next_offset;
}

}  // namespace

Result<RepairReport> RepairLog(LogDisk& disk, const RepairOrder& order) {
  return Repair(disk, order).Run();
}

Result<RepairedSegment> RebuildIndexOf(LogDisk& disk, const SegmentRepair::Where& where) {
  RAFTMQ_TRY(disk.DropIndexFile(where.name));
  RAFTMQ_TRY_ASSIGN(SegmentRepair::Found found,
                    SegmentRepair(disk, where).Reindex(where.name.first));
  RAFTMQ_TRY_ASSIGN(auto map, disk.MapOf(where.name));
  return RepairedSegment{.name = where.name, .found = std::move(found), .map = std::move(map)};
}

}  // namespace raftmq
