#include "segment/segmented_log.h"

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "segment/log_founding.h"
#include "segment/segment_scan.h"
#include "segment/segment_sizing.h"

namespace raftmq {
namespace {

// Of damage, or of what was repaired and is not in the segment's index yet.
bool Meets(const auto& ranges, const Segment& segment) {
  return std::ranges::any_of(ranges, [&segment](const auto& range) {
    return range.first <= segment.tail.index && range.last >= segment.name.first;
  });
}

}  // namespace

SegmentedLog::SegmentedLog(LogOptions options, RecoveredLog recovered,
                           std::vector<DamagedRange> damage)
    : options_(std::move(options)),
      disk_(std::move(recovered.disk)),
      seed_(recovered.identity.group_seed),
      segments_(std::move(recovered.segments)),
      first_(recovered.first),
      tail_(recovered.tail),
      staged_(recovered.mark),
      durable_(recovered.mark),
      marked_(recovered.mark),
      truncations_on_disk_(recovered.mark.truncations),
      truncations_(recovered.mark.truncations),
      committed_(recovered.commit_floor),
      uncommitted_(std::move(recovered.marks)),
      freed_(options_.zero_ahead_bytes_min),
      damage_(std::move(damage)) {
  if (uncommitted_.empty() || uncommitted_.back().tail.index != tail_.index)
    uncommitted_.push_back({tail_, active().name.first, active().staged_end, active().staged_end});
  ForgetCommitted();
}

LogBounds SegmentedLog::bounds() const {
  return {first_.first, tail_.index, durable_.tail.index, first_.first_offset, tail_.next_offset};
}

std::optional<Term> SegmentedLog::TermAt(Index index) const {
  if (index == tail_.index) return tail_.term;
  if (index > tail_.index || index < first_.first) return std::nullopt;
  const auto after = std::partition_point(segments_.begin(), segments_.end(),
                                          [&](const Segment& s) { return s.name.first <= index; });
  // Of what is damaged or missing: the last term that is known before, of whichever segment.
  for (auto segment = after; segment != segments_.begin();) {
    if (const auto term = (--segment)->index.TermAt(index)) return term;
  }
  // At the log's front: the first that is known behind.
  for (const Segment& segment : segments_) {
    if (const auto term = segment.index.first_term()) return term;
  }
  return tail_.term;
}

// Jobs are not the same on all replicas: where each begins on a fresh page, another replica may
// need up to a page more for every entry, and has to find it in a file of the same size.
std::uint64_t SegmentedLog::Room(std::uint64_t reserve) const {
  if (!HasActive()) return 0;
  std::uint64_t end = active().staged_end + reserve;
  if (options_.fresh_page_per_job) {
    const std::uint64_t entries = tail_.index.Next().value() - active().name.first.value();
    end += (entries + 1) * kPageBytes;
  }
  return end < active().allocated_bytes ? active().allocated_bytes - end : 0;
}

std::uint64_t SegmentedLog::room_for_data() const { return Room(options_.control_reserve_bytes); }

std::uint64_t SegmentedLog::room_for_control() const { return Room(0); }

std::optional<std::uint64_t> SegmentedLog::BytesLeftBehind(Index last_kept) const {
  const Segment* segment = &active();
  std::uint64_t begin = NextBegin();
  if (last_kept < tail_.index) {
    const auto kept = std::ranges::find(uncommitted_, last_kept,
                                        [](const EntryMark& mark) { return mark.tail.index; });
    if (kept == uncommitted_.end()) return std::nullopt;
    segment = &*std::ranges::find(segments_, kept->segment_first,
                                  [](const Segment& each) { return each.name.first; });
    begin = options_.fresh_page_per_job ? AlignUp(kept->end, kPageBytes) : kept->end;
  } else if (!HasActive()) {
    return 0;
  }
  return begin < segment->allocated_bytes ? segment->allocated_bytes - begin : 0;
}

std::uint64_t SegmentedLog::NextBegin() const {
  const std::uint64_t end = active().staged_end;
  return begins_job_ && options_.fresh_page_per_job ? AlignUp(end, kPageBytes) : end;
}

std::uint64_t SegmentedLog::NextSegmentBytes(std::int64_t now_ms) const {
  if (const auto ready = preparer_.ready()) return *ready;
  // A founding checkpoint bears no time: its segment says nothing about the rate.
  const std::int64_t filled_in_ms = active().opened_ms > 0 ? now_ms - active().opened_ms : 0;
  return std::max(roll_bytes_min_,
                  NextSegmentCapacity(active().allocated_bytes, filled_in_ms,
                                      options_.segment_bytes_first, options_.segment_bytes_max));
}

Status SegmentedLog::CanRoll(std::uint64_t segment_bytes_min) {
  const auto ready = preparer_.ready();
  if (ready && *ready >= segment_bytes_min) return Ok();
  if (ready) preparer_.Discard();
  roll_is_wanted_ = true;
  roll_bytes_min_ = segment_bytes_min;
  if (preparer_.IsFull())
    return Fail(ErrorCode::kDiskFull,
                "no space for another segment in '" + options_.directory + "'");
  return Fail(ErrorCode::kNotYet, "the next segment is being prepared");
}

// Of the prepared file only what the checkpoint says is used: a follower's may be larger, and as a
// leader it would fill it with more than the files of the others hold.
void SegmentedLog::StageRoll(const BatchHeader& header, const Checkpoint& checkpoint) {
  const auto capacity = preparer_.ready();
  RAFTMQ_CHECK(capacity.has_value());
  RAFTMQ_CHECK(*capacity >= checkpoint.segment_bytes);
  RollStep roll;
  roll.roll.sealed = active().name;
  roll.roll.next = {header.leader.index, header.leader.base_offset};
  roll.roll.mark = staged_;
  const bool is_whole = !Meets(damage_, active()) && !Meets(awaiting_reopening_, active());
  if (HasActive() && is_whole && active().index.IsExact())
    roll.roll.index_file = active().index.Encode({active().tail, active().staged_end});
  steps_.push_back(std::move(roll));
  active().sealed = true;
  if (!active().HasFile()) segments_.pop_back();
  Segment next;
  next.name = {header.leader.index, header.leader.base_offset};
  next.path = disk_->PathOf(next.name);
  next.allocated_bytes = checkpoint.segment_bytes;
  next.opened_ms = header.leader.append_time_ms;
  segments_.push_back(std::move(next));
  preparer_.Taken();
  roll_is_wanted_ = false;
  roll_bytes_min_ = 0;
  begins_job_ = true;
  jobs_in_segment_ = 0;
}

void SegmentedLog::Stage(SharedBytes frame) {
  const auto header = ParseBatchHeader(frame.view());
  RAFTMQ_CHECK(header.has_value());
  RAFTMQ_CHECK(header->leader.index == tail_.index.Next());
  RAFTMQ_CHECK(header->leader.base_offset == tail_.next_offset);
  RAFTMQ_CHECK(frame.size() == header->padded_length());
  if (header->producer.kind == EntryKind::kCheckpoint) {
    const ByteSpan payload = frame.view().subspan(kBatchHeaderBytes);
    const auto part = ParseCheckpointPart(payload);
    RAFTMQ_CHECK(part.has_value());
    if (part->part == 0) {
      const auto head = CheckpointHeadOf(payload);
      RAFTMQ_CHECK(head.has_value());
      StageRoll(*header, *head);
    }
  }
  Segment& segment = active();
  const bool on_fresh_page = begins_job_ && options_.fresh_page_per_job;
  const std::uint64_t begin = NextBegin();
  RAFTMQ_CHECK(begin + frame.size() <= segment.allocated_bytes);
  segment.index.Add(*header, begin);
  segment.staged_end = begin + frame.size();
  tail_ = TailAfter(*header);
  segment.tail = tail_;
  NoteUncommitted(*header, begin);
  if (job_first_ == Index(0)) job_first_ = tail_.index;
  job_covers_ = std::max(job_covers_, header->leader.committed_up_to);
  staged_ = MarkOf(uncommitted_.back());
  auto* append = steps_.empty() ? nullptr : std::get_if<AppendStep>(&steps_.back());
  if (!append || on_fresh_page)
    append = &std::get<AppendStep>(steps_.emplace_back(AppendStep{{}, on_fresh_page}));
  append->frames.push_back(std::move(frame));
  begins_job_ = false;
}

// Keeps the marks of entries that may be cut off: all above what the newest frame says is
// committed.
void SegmentedLog::NoteUncommitted(const BatchHeader& header, std::uint64_t begin) {
  uncommitted_.push_back({tail_, active().name.first, begin, active().staged_end});
  committed_ = std::max(committed_, header.leader.committed_up_to);
  ForgetCommitted();
}

void SegmentedLog::ForgetCommitted() {
  while (uncommitted_.size() > 1 && uncommitted_[1].tail.index <= committed_)
    uncommitted_.pop_front();
}

void SegmentedLog::Committed(Index index) {
  RAFTMQ_CHECK(index <= tail_.index);
  committed_ = std::max(committed_, index);
  ForgetCommitted();
}

LogMark SegmentedLog::MarkOf(const EntryMark& entry) const {
  return {.truncations = truncations_,
          .tail = entry.tail,
          .segment_first = entry.segment_first,
          .position = entry.end,
          .committed = std::min(committed_, entry.tail.index)};
}

Result<std::unique_ptr<PartitionLog>> PartitionLog::Create(FileSystem& files,
                                                           const LogOptions& options,
                                                           const LogFounding& founding) {
  RAFTMQ_TRY_ASSIGN(RecoveredLog log, FoundLog(files, options, founding));
  return std::make_unique<SegmentedLog>(options, std::move(log), std::vector<DamagedRange>());
}

Result<std::unique_ptr<PartitionLog>> PartitionLog::Open(FileSystem& files,
                                                         const LogOptions& options,
                                                         RecoveryReport* report) {
  RAFTMQ_TRY_ASSIGN(RecoveredLog log, RecoverLog(files, options, report));
  return std::make_unique<SegmentedLog>(options, std::move(log), report->damage);
}

}  // namespace raftmq
