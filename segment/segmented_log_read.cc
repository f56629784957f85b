// Reads, and what is known of the segments.
#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/types/check.h"
#include "segment/log_read.h"
#include "segment/segmented_log.h"

namespace raftmq {
namespace {

// True if what is wanted may lie before the line: in damage at the segment's front.
bool IsBefore(const ReadFrom& from, const SparseIndex::Line& line) {
  if (line.position == 0) return false;
  switch (from.by) {
    case ReadFrom::By::kIndex:
      return from.value < line.index.value();
    case ReadFrom::By::kOffset:
      return from.value < line.offset.value();
    case ReadFrom::By::kTimestamp:
      return line.max_timestamp_ms == SparseIndex::kNoTime;
  }
  return false;
}

bool IsInFront(const ReadFrom& from, const Segment& segment) {
  switch (from.by) {
    case ReadFrom::By::kIndex:
      return from.value < segment.name.first.value();
    case ReadFrom::By::kOffset:
      return from.value < segment.name.first_offset.value();
    case ReadFrom::By::kTimestamp:
      return false;
  }
  return false;
}

}  // namespace

const Segment& SegmentedLog::SegmentFor(const ReadFrom& from) const {
  const auto holds = [&](const Segment& segment) {
    switch (from.by) {
      case ReadFrom::By::kIndex:
        return segment.name.first.value() <= from.value;
      case ReadFrom::By::kOffset:
        return segment.name.first_offset.value() <= from.value;
      case ReadFrom::By::kTimestamp:
        return false;
    }
    return false;
  };
  if (from.by == ReadFrom::By::kTimestamp) {
    for (const auto& segment : segments_) {
      if (segment.index.max_timestamp_ms() >= static_cast<std::int64_t>(from.value)) return segment;
    }
    return active();
  }
  const auto after = std::partition_point(segments_.begin(), segments_.end(), holds);
  return after == segments_.begin() ? segments_.front() : *std::prev(after);
}

std::unique_ptr<LogRead> SegmentedLog::Read(ReadFrom from, Index up_to,
                                            std::size_t bytes_max) const {
  RAFTMQ_CHECK(up_to <= durable_.tail.index);
  const Segment& segment = SegmentFor(from);
  if (IsInFront(from, segment)) return nullptr;  // Of a file that is missing, or not taken in.
  const bool is_above = from.by == ReadFrom::By::kIndex && from.value > up_to.value();
  if (is_above || segment.name.first > up_to || segment.view.end == 0 || segment.index.IsEmpty())
    return nullptr;
  LogReadSpec spec;
  spec.view = segment.view;
  switch (from.by) {
    case ReadFrom::By::kIndex:
      spec.line = segment.index.BeforeIndex(Index(from.value));
      break;
    case ReadFrom::By::kOffset:
      spec.line = segment.index.BeforeOffset(Offset(from.value));
      break;
    case ReadFrom::By::kTimestamp:
      spec.line = segment.index.BeforeTime(static_cast<std::int64_t>(from.value));
      break;
  }
  if (IsBefore(from, spec.line))
    spec.line = {.index = segment.name.first, .offset = segment.name.first_offset};
  spec.from = from;
  spec.up_to = up_to;
  spec.bytes_max = bytes_max;
  spec.group_seed = seed_;
  spec.segment_end = segment.tail.index < durable_.tail.index ? segment.tail : durable_.tail;
  spec.path = segment.path;
  spec.is_overtaken = checks_are_overtaken_;
  return MakeLogRead(std::move(spec));
}

std::vector<PartitionLog::SegmentInfo> SegmentedLog::Segments() const {
  std::vector<SegmentInfo> infos;
  for (const auto& segment : segments_) {
    if (!segment.HasFile()) continue;
    infos.push_back({segment.name.first, segment.name.first_offset, segment.staged_end,
                     segment.allocated_bytes, segment.index.max_timestamp_ms(), segment.sealed});
  }
  return infos;
}

}  // namespace raftmq
