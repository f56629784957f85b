#include "segment/log_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "segment/frame_check.h"
#include "segment/map_pages.h"
#include "segment/next_frame.h"

namespace raftmq {
namespace {

// Holds what was brought into memory for one read. Such bytes are mostly read once, by somebody who
// catches up; mapped for ever, the pages of a long log would take their time when the process dies,
// during which its connections stay open and nobody knows.
class ColdRange {
 public:
  ColdRange(std::shared_ptr<FileMap> map, std::size_t at, std::size_t count)
      : map_(std::move(map)), at_(at), count_(count) {}
  ~ColdRange() { map_->Release(at_, count_); }
  ColdRange(const ColdRange&) = delete;
  ColdRange& operator=(const ColdRange&) = delete;

 private:
  const std::shared_ptr<FileMap> map_;
  const std::size_t at_, count_;
};

class SegmentRead final : public LogRead {
 public:
  explicit SegmentRead(LogReadSpec spec) : spec_(std::move(spec)), pages_(*spec_.view.map) {}

  bool IsResident() const override {
    const auto [at, count] = MappedRange();
    return count == 0 || spec_.view.map->IsResident(at, count);
  }

  Result<LogSlice> Run() override;
  const DamagedRange* damage() const override {
    return damage_ && !*spec_.is_overtaken ? &*damage_ : nullptr;
  }

 private:
  // What Run touches of the map, all but surely: first byte and count.
  std::pair<std::uint64_t, std::uint64_t> MappedRange() const {
    const std::uint64_t at = spec_.line.position;
    // A file may have been cut short from outside.
    const std::uint64_t mapped_end = std::min<std::uint64_t>(
        {spec_.view.end, spec_.view.page_at, spec_.view.map->bytes().size()});
    if (at >= mapped_end) return {at, 0};
    return {at,
            std::min<std::uint64_t>(spec_.bytes_max + SparseIndex::kSpacingBytes, mapped_end - at)};
  }
  // `count` bytes at `at`; those of the unfinished page are joined to the mapped ones in scratch_,
  // as are bytes in the place of those that cannot be read.
  ByteSpan BytesAt(std::uint64_t at, std::size_t count);
  bool IsReadable(std::uint64_t at, std::size_t count);
  // Where the next frame begins if a job began there on a fresh page; else `at`.
  std::uint64_t BehindZeros(std::uint64_t at);
  bool IsWanted(const BatchHeader& header) const;
  // Where the walk stands.
  struct Place {
    std::uint64_t at = 0;
    Index index;    // Of the entry that should stand here.
    Offset offset;  // Its base offset.
    // What a whole entry here says of the one before it, or what is known of the segment's last.
    std::uint64_t chain = 0;
    Term term;
  };
  Result<LogSlice> Walk(std::shared_ptr<const void> owner);
  Place FindDamage(const Place& from, const std::string& what);
  bool IsBeforeWanted(const Place& next) const;

  const LogReadSpec spec_;
  MapPages pages_;
  ByteBuffer scratch_;
  std::optional<DamagedRange> damage_;
};

ByteSpan SegmentRead::BytesAt(std::uint64_t at, std::size_t count) {
  const SegmentView& view = spec_.view;
  if (at >= view.end) return {};
  count = static_cast<std::size_t>(std::min<std::uint64_t>(count, view.end - at));
  if (at >= view.page_at)
    return view.page.view().subspan(static_cast<std::size_t>(at - view.page_at), count);
  // A file may have been cut short from outside.
  const ByteSpan mapped_bytes = view.map->bytes();
  const std::uint64_t mapped_end = std::min<std::uint64_t>(view.page_at, mapped_bytes.size());
  if (at >= mapped_end) return {};
  const bool joins_page = at + count > view.page_at && mapped_end == view.page_at;
  const std::size_t mapped = std::min<std::size_t>(count, mapped_end - at);
  if (!joins_page && pages_.IsReadable(at, mapped))
    return mapped_bytes.subspan(static_cast<std::size_t>(at), mapped);
  scratch_ = ByteBuffer(joins_page ? count : mapped);
  pages_.Copy(at, scratch_.span().first(mapped));
  if (joins_page) std::memcpy(scratch_.data() + mapped, view.page.data(), count - mapped);
  return scratch_.span();
}

// The bytes that stand for those that cannot be read might be just these.
bool SegmentRead::IsReadable(std::uint64_t at, std::size_t count) {
  if (at >= spec_.view.page_at) return true;
  return pages_.IsReadable(at, std::min<std::uint64_t>(count, spec_.view.page_at - at));
}

std::uint64_t SegmentRead::BehindZeros(std::uint64_t at) {
  const std::uint64_t page = AlignUp(at, kPageBytes);
  const ByteSpan rest = BytesAt(at, page - at);
  return !rest.empty() && IsAllZero(rest) ? page : at;
}

bool SegmentRead::IsWanted(const BatchHeader& header) const {
  switch (spec_.from.by) {
    case ReadFrom::By::kIndex:
      return header.leader.index.value() >= spec_.from.value;
    case ReadFrom::By::kOffset:
      return header.end_offset().value() > spec_.from.value;
    case ReadFrom::By::kTimestamp:
      return header.producer.kind == EntryKind::kData &&
             header.producer.max_timestamp_ms >= static_cast<std::int64_t>(spec_.from.value);
  }
  return false;
}

// Notes the damage at `from` and returns the next whole entry, or the segment's end.
SegmentRead::Place SegmentRead::FindDamage(const Place& from, const std::string& what) {
  const LogTail& end = spec_.segment_end;
  Place next{spec_.view.end, end.index.Next(), end.next_offset, end.chain, end.term};
  const auto found = FindNextFrame(
      [this](std::uint64_t at, std::size_t count) { return Result<ByteSpan>(BytesAt(at, count)); },
      from.at + kBatchAlignment, from.index, spec_.group_seed);
  if (found && *found) {
    const LeaderBlock& leader = (*found)->header.leader;
    next = {(*found)->position, leader.index, leader.base_offset, leader.chain, leader.term};
  }
  damage_ = DamagedRange{.first = from.index,
                         .last = next.index.Minus(1),
                         .first_offset = from.offset,
                         .end_offset = next.offset,
                         .last_hash = next.chain,
                         .term_max = next.term,
                         .what = fmt::format("'{}' at byte {}: {}", spec_.path, from.at, what)};
  return next;
}

// True if nothing that is wanted lies before `next`.
bool SegmentRead::IsBeforeWanted(const Place& next) const {
  switch (spec_.from.by) {
    case ReadFrom::By::kIndex:
      return next.index.value() <= spec_.from.value;
    case ReadFrom::By::kOffset:
      return next.offset.value() <= spec_.from.value;
    case ReadFrom::By::kTimestamp:
      return false;  // The damaged entries may have been the ones.
  }
  return false;
}

Result<LogSlice> SegmentRead::Run() {
  std::shared_ptr<const void> owner = spec_.view.map;
  const auto [mapped_from, mapped_bytes] = MappedRange();
  if (IsResident()) {
    pages_.TakeAsLoaded(mapped_from, mapped_bytes);
  } else {
    pages_.Load(mapped_from, mapped_bytes);
    owner = std::make_shared<ColdRange>(spec_.view.map, mapped_from, mapped_bytes);
  }
  Result<LogSlice> slice = Walk(std::move(owner));
  if (pages_.failure() == nullptr) return slice;
  damage_.reset();
  return Fail(*pages_.failure());
}

Result<LogSlice> SegmentRead::Walk(std::shared_ptr<const void> owner) {
  std::uint64_t at = spec_.line.position;
  Index index = spec_.line.index;
  Offset offset = spec_.line.offset;
  LogSlice slice{{}, index, index.Minus(1)};
  std::uint64_t taken_from = 0, taken_to = 0;  // Mapped bytes of the slice so far.
  const Index last = std::min(spec_.up_to, spec_.segment_end.index);
  while (at < spec_.view.end && index <= last) {
    const std::uint64_t start = BehindZeros(at);
    if (start != at && taken_to > 0) break;
    const ByteSpan head = BytesAt(start, kBatchHeaderBytes);
    const std::size_t claimed = head.size() < kBatchHeaderBytes ? 0 : ClaimedBytes(head);
    const ByteSpan frame = claimed == 0 ? head : BytesAt(start, claimed);
    const auto header = CheckFrame(frame, spec_.group_seed);
    const bool follows = header && header->leader.index == index &&
                         header->leader.base_offset == offset && IsReadable(start, frame.size());
    if (!follows) {
      if (taken_to > 0) break;  // What is good is served first.
      if (spec_.view.is_cut && (claimed == 0 || start + claimed > spec_.view.end))
        return Fail(ErrorCode::kNotYet, "the end of the segment is being cut");
      // From the zeros on: those may have been entries, and what stands behind them is whole.
      const Place next = FindDamage({.at = at, .index = index, .offset = offset},
                                    header ? "another entry stands here" : header.error().message);
      if (!IsBeforeWanted(next)) {
        return Fail(ErrorCode::kDataCorrupt,
                    fmt::format("offsets {} to {} are damaged and no good copy is known: {}",
                                offset.value(), next.offset.value(), damage_->what));
      }
      // Damage on the way from the index to the wanted entry does not concern it.
      at = next.at;
      index = next.index;
      offset = next.offset;
      continue;
    }
    at = start;
    const std::size_t length = header->padded_length();
    if (IsWanted(*header) || taken_to > 0) {
      if (taken_to > 0 && taken_to + length - taken_from > spec_.bytes_max) break;
      const bool mapped = at + length <= spec_.view.page_at;
      if (!mapped && taken_to > 0) break;
      if (taken_to == 0) slice.first = index;
      slice.last = index;
      if (!mapped) {
        slice.bytes = SharedBytes::Copy(frame.first(length));
        return slice;
      }
      if (taken_to == 0) taken_from = at;
      taken_to = at + length;
    } else {
      slice.first = index.Next();
      slice.last = index;
    }
    at += length;
    index = index.Next();
    offset = header->end_offset();
  }
  if (taken_to == 0 && spec_.view.is_cut && index <= spec_.up_to)
    return Fail(ErrorCode::kNotYet, "the end of the segment is being cut");
  if (taken_to > 0) {
    slice.bytes = SharedBytes(
        std::move(owner),
        spec_.view.map->bytes().subspan(static_cast<std::size_t>(taken_from),
                                        static_cast<std::size_t>(taken_to - taken_from)));
  }
  return slice;
}

}  // namespace

std::unique_ptr<LogRead> MakeLogRead(LogReadSpec spec) {
  return std::make_unique<SegmentRead>(std::move(spec));
}

}  // namespace raftmq
