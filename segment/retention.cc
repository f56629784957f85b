#include "segment/retention.h"

#include <algorithm>
#include <limits>

namespace raftmq {
namespace {

using Segments = std::vector<PartitionLog::SegmentInfo>;

// The offset after the records of segment `at`.
Offset EndOf(const Segments& segments, std::size_t at, Offset end) {
  return at + 1 < segments.size() ? segments[at + 1].first_offset : end;
}

Offset RetainByBytes(const Segments& segments, std::uint64_t bytes_max,
                     const RetentionMoment& moment) {
  std::uint64_t bytes = 0;
  for (const auto& segment : segments) bytes += segment.used_bytes;
  Offset start = moment.log_start;
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    if (bytes - segments[i].used_bytes < bytes_max) break;
    bytes -= segments[i].used_bytes;
    start = std::max(start, segments[i + 1].first_offset);
  }
  return start;
}

Offset RetainByAge(const Segments& segments, std::int64_t age_ms_max,
                   const RetentionMoment& moment) {
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Offset after = EndOf(segments, i, moment.end);
    if (after <= moment.log_start) continue;  // Its records are gone already.
    return segments[i].max_timestamp_ms < moment.now_ms - age_ms_max ? after : moment.log_start;
  }
  return moment.log_start;
}

Offset Retain(const Segments& segments, const RetentionSettings& settings,
              const RetentionMoment& moment) {
  Offset start = moment.log_start;
  if (settings.retention_bytes >= 0) {
    start = std::max(
        start,
        RetainByBytes(segments, static_cast<std::uint64_t>(settings.retention_bytes), moment));
  }
  if (settings.retention_ms >= 0)
    start = std::max(start, RetainByAge(segments, settings.retention_ms, moment));
  return std::min(start, moment.end);
}

// -1 stays.
std::int64_t Lengthened(std::int64_t bound) {
  if (bound < 0) return bound;
  return std::min(bound, std::numeric_limits<std::int64_t>::max() / kAwaitedRetention) *
         kAwaitedRetention;
}

}  // namespace

std::optional<Offset> RetainFrom(const Segments& segments, const RetentionSettings& settings,
                                 const RetentionMoment& moment) {
  Offset start = Retain(segments, settings, moment);
  if (moment.awaited && start > *moment.awaited) {
    const RetentionSettings lengthened{.retention_ms = Lengthened(settings.retention_ms),
                                       .retention_bytes = Lengthened(settings.retention_bytes)};
    start = std::max(*moment.awaited, Retain(segments, lengthened, moment));
  }
  if (start <= moment.log_start) return std::nullopt;
  return start;
}

}  // namespace raftmq
