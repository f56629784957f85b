// Room in the segment, and the checkpoint that opens the next one.
#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/types/check.h"
#include "raftlog/replica_group.h"

namespace raftmq {
namespace {

constexpr std::uint64_t kSegmentsPerCheckpoint = 16;  // Bytes of a segment per byte of checkpoint.
constexpr std::uint64_t kCheckpointHeadBytes = 512;   // Of one part: frame header, fixed fields.
constexpr std::uint64_t kBesideStateBytesMax = 64u << 10;  // Of a state machine's checkpoint.

}  // namespace

// Data, commands and sessions stop at the control reserve; what shrinks the log may use it up.
bool ReplicaGroup::Fits(EntryKind kind, std::size_t bytes) const {
  const bool is_data =
      kind == EntryKind::kData || kind == EntryKind::kCommand || kind == EntryKind::kSession;
  return bytes <= (is_data ? log_->room_for_data() : log_->room_for_control());
}

ReplicaGroup::Room ReplicaGroup::MakeRoom(EntryKind kind, std::size_t bytes) {
  // Asked only once a session has judged the batch: what is stored already needs no space.
  if (kind == EntryKind::kData && IsSpaceLow()) return Room::kFull;
  // A checkpoint that the last leader did not finish is void: nothing may build on it.
  const bool is_broken = state_.IsNewestRunBroken(core_.status().term);
  if (!is_broken && Fits(kind, bytes)) return Room::kGo;
  const Room rolled = TryRoll();
  if (rolled != Room::kGo) {
    // A command may free space (a topic is deleted), so it may use half of the reserve at last. The
    // rest is for the beginnings of terms: without one, what is here cannot be committed, applied
    // and so rolled when space returns.
    if (rolled == Room::kFull && kind == EntryKind::kCommand && !is_broken &&
        bytes + options_.log.control_reserve_bytes / 2 <= log_->room_for_control())
      return Room::kGo;
    return rolled;
  }
  return Fits(kind, bytes) ? Room::kGo : Room::kTooLarge;
}

// A state machine's checkpoint holds all commands before it: they have to be applied first.
bool ReplicaGroup::IsReadyToRoll() const {
  return !options_.internal || applier_.applied() == log_->tail().index;
}

bool ReplicaGroup::IsSpaceLow() const {
  return options_.log.space != nullptr && options_.log.space->is_low;
}

// Whether messages are refused for want of space. REQUIRES: IsReadyToRoll.
bool ReplicaGroup::IsDiskFull() {
  if (IsSpaceLow()) return true;
  const Status can_roll = log_->CanRoll(SegmentBytesFor(NextCheckpointBytes()));
  return !can_roll && can_roll.error().code == ErrorCode::kDiskFull;
}

ReplicaGroup::Room ReplicaGroup::TryRoll() {
  if (!IsReadyToRoll()) return Room::kWait;
  const std::uint64_t checkpoint_bytes = NextCheckpointBytes();
  const std::uint64_t bytes_max = options_.state_bytes_max + kBesideStateBytesMax;
  if (options_.internal && checkpoint_bytes > bytes_max) return Room::kTooLarge;
  if (const Status can_roll = log_->CanRoll(SegmentBytesFor(checkpoint_bytes)); !can_roll)
    return can_roll.error().code == ErrorCode::kDiskFull ? Room::kFull : Room::kWait;
  const Checkpoint checkpoint = MakeCheckpoint();
  std::vector<ByteBuffer> frames = RollFrames(checkpoint);
  std::size_t bytes = 0;
  for (const ByteBuffer& frame : frames) bytes += frame.size();
  // A state beyond its bound (DESIGN.md section 4) must not leave half a checkpoint behind.
  if (bytes + options_.log.control_reserve_bytes > checkpoint.segment_bytes) return Room::kTooLarge;
  for (ByteBuffer& frame : frames) {
    const std::size_t frame_bytes = frame.size();
    Append(
        {.kind = EntryKind::kCheckpoint, .buffer = std::move(frame), .frame_bytes = frame_bytes});
  }
  ++segments_;
  deps_.metrics.rolls.Add();
  return Room::kGo;
}

std::vector<ByteBuffer> ReplicaGroup::RollFrames(const Checkpoint& checkpoint) {
  std::vector<ByteBuffer> frames;
  for (const ByteBuffer& part : EncodeCheckpoint(checkpoint))
    frames.push_back(MakeControlEntry(EntryKind::kCheckpoint, part.span()));
  return frames;
}

// Any entry of its own term tells a leader what is committed. Where a no-op has no place any more,
// the next segment's checkpoint is that entry; parts that do not fit into one follow it.
std::vector<Proposal> ReplicaGroup::FirstOfTerm() {
  std::vector<ByteBuffer> frames;
  const bool has_room = log_->room_for_control() >= kNoOpBytes;
  if (has_room) {
    frames.push_back(MakeControlEntry(EntryKind::kNoOp, {}));
  } else {
    frames = RollFrames(MakeCheckpoint());
    ++segments_;
    deps_.metrics.rolls.Add();
  }
  std::vector<Proposal> proposals;
  for (ByteBuffer& frame : frames) {
    const std::size_t bytes = frame.size();
    proposals.push_back({.kind = has_room ? EntryKind::kNoOp : EntryKind::kCheckpoint,
                         .buffer = std::move(frame),
                         .frame_bytes = bytes});
  }
  return proposals;
}

// A pure function of the log before it: every replica computes the same bytes.
Checkpoint ReplicaGroup::MakeCheckpoint() const {
  Checkpoint checkpoint = MakeCheckpointOfLog(log_->NextSegmentBytes(deps_.clock.WallNowMs()));
  if (options_.internal) checkpoint.state_machine = capture_();
  return checkpoint;
}

// The state of a state machine apart, which stands where it has been applied to.
Checkpoint ReplicaGroup::MakeCheckpointOfLog(std::uint64_t segment_bytes) const {
  return {.group = options_.log.group,
          .group_seed = log_->group_seed(),
          .membership = state_.membership(),
          .before = log_->tail(),
          .log_start = state_.log_start(),
          .segment_bytes = segment_bytes,
          .sessions = state_.sessions().Encode(),
          .message_ids = state_.message_ids().Encode()};
}

std::optional<Checkpoint> ReplicaGroup::StateOfLog() const {
  if (last_status_ || failure_ || state_.AwaitsCheckpoint() || !state_.is_whole())
    return std::nullopt;
  return MakeCheckpointOfLog(/*segment_bytes=*/0);
}

// About, and not less. REQUIRES: IsReadyToRoll.
std::uint64_t ReplicaGroup::NextCheckpointBytes() {
  const LogTail behind = log_->tail();
  if (checkpoint_size_.behind == behind) return checkpoint_size_.bytes;
  std::uint64_t bytes = kCheckpointHeadBytes + state_.sessions().encoded_bytes() +
                        state_.message_ids().encoded_bytes();
  bytes += state_.membership().size() * sizeof(Replica);
  if (options_.internal) bytes += capture_().size();
  bytes += bytes / kCheckpointPartBytesMax * kCheckpointHeadBytes;  // Of each further part.
  checkpoint_size_ = {behind, bytes};
  return bytes;
}

// So that checkpoints are a small part of the log, and the greatest batch finds room behind one.
std::uint64_t ReplicaGroup::SegmentBytesFor(std::uint64_t checkpoint_bytes) const {
  const std::uint64_t beside =
      options_.batch_bytes_max + options_.log.control_reserve_bytes + kPageBytes;
  const std::uint64_t least =
      std::max(kSegmentsPerCheckpoint * checkpoint_bytes, checkpoint_bytes + beside);
  return AlignUp(least, kPageBytes);
}

// The file that is prepared ahead follows the write rate; where a table of sessions needs a larger
// one, that is asked for before the segment is full.
void ReplicaGroup::MaybePrepareLargerSegment() {
  const PartitionLog::SegmentInfo active = log_->Segments().back();
  if (active.used_bytes * 2 < active.allocated_bytes) return;
  const std::uint64_t bytes_max = kCheckpointHeadBytes + state_.sessions().encoded_bytes_max() +
                                  state_.message_ids().encoded_bytes();
  if (kSegmentsPerCheckpoint * bytes_max <= active.allocated_bytes / 2) return;
  static_cast<void>(log_->CanRoll(SegmentBytesFor(NextCheckpointBytes())));
}

}  // namespace raftmq
