#include "segment/segment_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "segment/front_checkpoint.h"
#include "segment/repair_layout.h"

namespace raftmq {
namespace {

template <class... Args>
Status Refused(fmt::format_string<Args...> text, Args&&... args) {
  return Fail(ErrorCode::kDataCorrupt, fmt::format(text, std::forward<Args>(args)...));
}

std::vector<std::uint64_t> LengthsOf(std::span<const RepairFrame> frames) {
  std::vector<std::uint64_t> lengths;
  for (const RepairFrame& frame : frames) lengths.push_back(frame.bytes.size());
  return lengths;
}

// What the checkpoint says whose first part this is.
Result<std::uint64_t> CapacityIn(const RepairFrame& frame) {
  const std::size_t payload = frame.header.producer.length - kBatchHeaderBytes;
  RAFTMQ_TRY_ASSIGN(const Checkpoint head,
                    CheckpointHeadOf(frame.bytes.view().subspan(kBatchHeaderBytes, payload)));
  return head.segment_bytes;
}

}  // namespace

Status SegmentRepair::Plan(std::span<const RepairFrame> frames) {
  const BatchHeader& first = frames.front().header;
  const bool is_front = first.leader.index == where_.name.first;
  if (is_front && first.leader.base_offset != where_.name.first_offset)
    return Refused("expected offset {} at the front of segment {}, found {}",
                   where_.name.first_offset.value(), where_.name.first.value(),
                   first.leader.base_offset.value());
  if (is_front) {
    const auto capacity = CapacityIn(frames.front());
    if (!capacity) return Refused("no checkpoint opens the segment: {}", capacity.error().message);
    capacity_ = AlignUp(*capacity, kPageBytes);
  }
  if (!where_.is_there) return PlanNew(frames);
  RAFTMQ_TRY(FindAnchors(frames));
  std::uint64_t at = 0;
  if (!is_front) {
    const Anchor* const before = AnchorOf(first.leader.index.Minus(1));
    if (!before) return PlanBehindLost(frames);
    if (before->header.header_hash != first.leader.chain ||
        before->header.end_offset() != first.leader.base_offset)
      return Refused("entry {} does not follow the one before", first.leader.index.value());
    at = before->end;
  }
  for (const RepairFrame& frame : frames) {
    const Anchor* const there = AnchorOf(frame.header.leader.index);
    if (there && there->header.header_hash != frame.header.header_hash)
      return Refused("entry {} is whole, and another one", frame.header.leader.index.value());
  }
  const Status among = PlanAmong(frames, at);
  if (among || !is_misfit_) return among;
  // What seemed to fit did not stand where it belongs.
  RAFTMQ_TRY_ASSIGN(std::optional<Piece> all, Fit(frames, at));
  if (!all) return among;
  is_misfit_ = false;
  pieces_.clear();
  pieces_.push_back(std::move(*all));
  return Ok();
}

// The entry before the frames is lost, for good maybe: they go right in front of the whole one
// behind them. If what is missing turns up, and does not fit between, all is written anew.
Status SegmentRepair::PlanBehindLost(std::span<const RepairFrame> frames) {
  const BatchHeader& last = frames.back().header;
  const bool has_whole = std::ranges::any_of(frames, [this](const RepairFrame& frame) {
    return AnchorOf(frame.header.leader.index) != nullptr;
  });
  const Anchor* const behind = AnchorOf(last.leader.index.Next());
  const bool follows = behind && behind->header.leader.chain == last.header_hash &&
                       behind->header.leader.base_offset == last.end_offset();
  std::uint64_t bytes = 0;
  for (const RepairFrame& frame : frames) bytes += frame.bytes.size();
  if (has_whole || !follows || behind->begin < lost_from_ + bytes)
    return Refused("entry {} is not whole", frames.front().header.leader.index.Minus(1).value());
  Piece piece{behind->begin - bytes, behind->begin, {}};
  std::uint64_t at = piece.begin;
  for (const RepairFrame& frame : frames) {
    piece.frames.emplace_back(at, frame.bytes);
    at += frame.bytes.size();
  }
  pieces_.push_back(std::move(piece));
  return Ok();
}

// Keeps what is whole.
Status SegmentRepair::PlanAmong(std::span<const RepairFrame> frames, std::uint64_t at) {
  while (!frames.empty()) {
    std::size_t count = 1;
    if (const Anchor* const there = AnchorOf(frames.front().header.leader.index)) {
      if (at < there->begin) pieces_.push_back({at, there->begin, {}});  // Zeros, or not any more.
      at = there->end;
    } else {
      RAFTMQ_TRY_ASSIGN(count, PlanLost(frames, &at));
    }
    frames = frames.subspan(count);
  }
  return Ok();
}

// The whole entries from the one before the frames to the first behind them.
Status SegmentRepair::FindAnchors(std::span<const RepairFrame> frames) {
  const Index before = frames.front().header.leader.index.Minus(1);
  const Index last = frames.back().header.leader.index;
  RAFTMQ_TRY_ASSIGN(auto bytes, SegmentBytes::Open(disk_.files(), disk_.PathOf(where_.name), true));
  LogTail from{where_.name.first.Minus(1), Term(), where_.name.first_offset, 0, 0};
  RAFTMQ_TRY(TakeChainFromFront(bytes, &from));
  const auto note = [&](const BatchHeader& header, ByteSpan, std::uint64_t at) {
    const bool is_behind = !anchors_.empty() && anchors_.back().header.leader.index > last;
    if (header.leader.index < before) lost_from_ = at + header.padded_length();
    if (header.leader.index < before || is_behind) return;
    anchors_.push_back({header, at, at + header.padded_length()});
  };
  RAFTMQ_TRY(ScanSegment(bytes, 0, from, where_.group_seed, note, [](const ScanGap&) {}));
  if (capacity_ > 0) return Ok();
  RAFTMQ_TRY_ASSIGN(const auto head,
                    ReadFrontHead(disk_.files(), {disk_.PathOf(where_.name), where_.name.first,
                                                  where_.group_seed}));
  if (head) capacity_ = AlignUp(head->segment_bytes, kPageBytes);
  return Ok();
}

const SegmentRepair::Anchor* SegmentRepair::AnchorOf(Index index) const {
  const auto found = std::ranges::partition_point(
      anchors_, [index](const Anchor& anchor) { return anchor.header.leader.index < index; });
  return found == anchors_.end() || found->header.leader.index != index ? nullptr : &*found;
}

// The first frames of `frames`, at least one, behind byte `*at`, which is moved behind them;
// returns how many. As a rule those up to the next whole entry. That may be one that does not
// belong where it stands: then the frames replace it as well, and those behind it, up to one that
// fits.
Result<std::size_t> SegmentRepair::PlanLost(std::span<const RepairFrame> frames,
                                            std::uint64_t* at) {
  const auto is_end = [&](std::size_t count) {
    return count == frames.size() || AnchorOf(frames[count].header.leader.index) != nullptr;
  };
  for (std::size_t count = 1;; count = std::min(2 * count, frames.size())) {
    while (!is_end(count)) ++count;
    RAFTMQ_TRY_ASSIGN(std::optional<Piece> piece, Fit(frames.first(count), *at));
    if (piece) {
      *at = piece->end;
      pieces_.push_back(std::move(*piece));
      return count;
    }
    if (count == frames.size()) break;
  }
  is_misfit_ = true;
  return Fail(ErrorCode::kDataCorrupt,
              fmt::format("entries {} to {} do not fit between byte {} and what follows",
                          frames.front().header.leader.index.value(),
                          frames.back().header.leader.index.value(), *at));
}

// Nothing: they do not end where the whole entry behind them, or the file, wants it.
Result<std::optional<SegmentRepair::Piece>> SegmentRepair::Fit(std::span<const RepairFrame> frames,
                                                               std::uint64_t begin) {
  const BatchHeader& last = frames.back().header;
  const auto next = std::ranges::partition_point(anchors_, [&last](const Anchor& anchor) {
    return anchor.header.leader.index <= last.leader.index;
  });
  const bool is_closed =
      next != anchors_.end() && next->header.leader.index == last.leader.index.Next();
  if (is_closed && (next->header.leader.chain != last.header_hash ||
                    next->header.leader.base_offset != last.end_offset()))
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("entry {} is not the one that its successor follows",
                            last.leader.index.value()));
  const bool is_at_end = where_.open_end && where_.open_end->last == last.leader.index;
  RunToLayOut run{begin, LengthsOf(frames), 0};
  std::optional<std::vector<std::uint64_t>> places = LayOutTight(begin, run.lengths);
  if (is_closed || is_at_end) {
    run.next_at = is_closed ? next->begin : where_.open_end->position;
    places = LayOutRun(run);
    if (!places) return std::optional<Piece>();
  }
  Piece piece{begin, std::max(places->back() + run.lengths.back(), run.next_at), {}};
  std::uint64_t room = capacity_ > 0 ? capacity_ : ~std::uint64_t{0};
  if (where_.open_end) room = where_.open_end->position;
  if (next != anchors_.end()) room = next->begin;
  piece.is_to_the_end = where_.last == last.leader.index;
  if (piece.is_to_the_end) piece.end = AlignUp(piece.end, kPageBytes);
  if (piece.end > room) return std::optional<Piece>();
  for (std::size_t i = 0; i < frames.size(); ++i)
    piece.frames.emplace_back((*places)[i], frames[i].bytes);
  return std::optional<Piece>(std::move(piece));
}

Status SegmentRepair::PlanNew(std::span<const RepairFrame> frames) {
  if (frames.front().header.leader.index != where_.name.first)
    return Refused("segment {} is gone, and entry {} does not open it", where_.name.first.value(),
                   frames.front().header.leader.index.value());
  const std::vector<std::uint64_t> lengths = LengthsOf(frames);
  const std::vector<std::uint64_t> places = LayOutTight(0, lengths);
  Piece piece{0, places.back() + lengths.back(), {}};
  if (piece.end > capacity_)
    return Refused("entries of {} bytes for a segment of {}", piece.end, capacity_);
  for (std::size_t i = 0; i < frames.size(); ++i)
    piece.frames.emplace_back(places[i], frames[i].bytes);
  pieces_.push_back(std::move(piece));
  return Ok();
}

Status SegmentRepair::Write() {
  if (!where_.is_there) return MakeAnew();
  if (pieces_.empty()) return Ok();
  RAFTMQ_TRY_ASSIGN(const auto file,
                    disk_.files().Open(disk_.PathOf(where_.name), OpenMode::kDirect));
  RAFTMQ_TRY(Extend(*file, pieces_.back().end));
  RAFTMQ_TRY(disk_.DropIndexFile(where_.name));
  for (const Piece& piece : pieces_) RAFTMQ_TRY(WritePiece(*file, piece));
  if (pieces_.back().is_to_the_end) RAFTMQ_TRY(ZeroBehind(*file, pieces_.back().end));
  return file->Sync();
}

// A file that was cut from outside.
Status SegmentRepair::Extend(File& file, std::uint64_t needed) {
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, file.Size());
  if (size % kPageBytes == 0 && size >= std::max(needed, capacity_)) return Ok();
  return file.Allocate(AlignUp(std::max({size, needed, capacity_}), kPageBytes));
}

// Entries that stood further behind before they were damaged may have left something there.
Status SegmentRepair::ZeroBehind(File& file, std::uint64_t end) {
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, file.Size());
  return end < size ? file.Zero(end, size - end) : Ok();
}

Status SegmentRepair::WritePiece(File& file, const Piece& piece) {
  const std::uint64_t begin = AlignDown(piece.begin, kPageBytes);
  const std::uint64_t end = AlignUp(piece.end, kPageBytes);
  AlignedBlock block(static_cast<std::size_t>(end - begin));
  std::memset(block.data(), 0, block.size());
  RAFTMQ_TRY_ASSIGN(auto bytes, SegmentBytes::Open(disk_.files(), disk_.PathOf(where_.name), true));
  const auto keep = [&](std::uint64_t from, std::uint64_t to) -> Status {
    RAFTMQ_TRY_ASSIGN(const ByteSpan kept, bytes.Get(from, static_cast<std::size_t>(to - from)));
    if (!kept.empty()) std::memcpy(block.data() + (from - begin), kept.data(), kept.size());
    return Ok();
  };
  RAFTMQ_TRY(keep(begin, piece.begin));
  RAFTMQ_TRY(keep(piece.end, end));
  for (const auto& [at, frame] : piece.frames)
    std::memcpy(block.data() + (at - begin), frame.data(), frame.size());
  return file.Write(begin, {block.data(), block.size()});
}

Status SegmentRepair::MakeAnew() {
  const std::string path = disk_.RepairPath();
  RAFTMQ_TRY(disk_.RemoveIfThere(path));
  RAFTMQ_TRY(disk_.DropIndexFile(where_.name));
  {
    RAFTMQ_TRY_ASSIGN(const auto file, disk_.files().Open(path, OpenMode::kCreate));
    if (const Status room = file->Allocate(capacity_); !room) {
      RAFTMQ_TRY(disk_.RemoveIfThere(path));
      return room;
    }
    for (const auto& [at, frame] : pieces_.front().frames)
      RAFTMQ_TRY(file->Write(at, frame.view()));
    RAFTMQ_TRY(file->Sync());
  }
  RAFTMQ_TRY(disk_.files().Rename(path, disk_.PathOf(where_.name)));
  return disk_.SyncDirectory();
}

Result<SegmentRepair::Found> SegmentRepair::Reindex(Index from) {
  RAFTMQ_TRY_ASSIGN(auto bytes, SegmentBytes::Open(disk_.files(), disk_.PathOf(where_.name), true));
  LogTail before{where_.name.first.Minus(1), Term(), where_.name.first_offset, 0, 0};
  RAFTMQ_TRY(TakeChainFromFront(bytes, &before));
  Found found;
  std::optional<LogTail> whole_to;
  bool has_gap = false;
  RAFTMQ_TRY_ASSIGN(const SegmentScan scan,
                    ScanSegment(
                        bytes, 0, before, where_.group_seed,
                        [&](const BatchHeader& header, ByteSpan, std::uint64_t at) {
                          found.index.Add(header, at);
                        },
                        [&](const ScanGap& gap) {
                          has_gap = true;
                          if (!whole_to && gap.next > from) whole_to = gap.before;
                        }));
  found.tail = scan.tail;
  found.end = scan.end;
  found.whole_to = whole_to.value_or(scan.tail);
  found.is_whole = !has_gap && where_.last == scan.tail.index;
  if (!found.is_whole) return found;
  RAFTMQ_TRY(disk_.WriteIndexFile(where_.name, found.index.Encode({found.tail, found.end})));
  return found;
}

}  // namespace raftmq
