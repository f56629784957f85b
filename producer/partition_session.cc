#include "producer/partition_session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/types/batch_header.h"
#include "protocol/types/check.h"

namespace raftmq::internal {
namespace {

// The leader's table does not have the batch's place as the next one.
bool IsOutOfPlace(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnknownSession:
    case ErrorCode::kSequenceGap:
    case ErrorCode::kSequenceOverlap:
    case ErrorCode::kDuplicateOffsetUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool PartitionSession::IsWorthRetry(const Error& error) {
  return error.retriable() || error.code == ErrorCode::kPartitionNotFound;
}

PartitionSession::Fate PartitionSession::Judge(const OutgoingBatch& batch, const Error& error,
                                               bool has_earlier) {
  if (IsWorthRetry(error)) return Fate::kAgain;
  if (kind_ == Kind::kNone) return Fate::kEnds;
  if (error.code == ErrorCode::kFenced) return Fate::kFenced;
  if (!IsOutOfPlace(error.code)) return Fate::kEnds;
  if (error.code == ErrorCode::kDuplicateOffsetUnknown && batch.maybe_stored) return Fate::kStored;
  // Those before it were refused, or lost on their way: they come first.
  if (has_earlier || IsBehindHole(batch)) return Fate::kAgain;
  if (batch.maybe_stored) return Fate::kEnds;
  NoteHole(batch, /*is_elsewhere=*/true);
  return Fate::kAgain;
}

void PartitionSession::NoteFailed(const OutgoingBatch& batch) {
  if (kind_ == Kind::kNone) return;
  if (need_ != Need::kNothing) {
    is_over_ = is_over_ || kind_ == Kind::kNamed;
  } else if (batch.maybe_stored) {
    has_unknown_ = true;
  } else {
    NoteHole(batch, /*is_elsewhere=*/false);
  }
}

void PartitionSession::NoteHole(const OutgoingBatch& batch, bool is_elsewhere) {
  if (mend_ && mend_->number <= batch.number) return;
  const bool was_elsewhere = mend_ && mend_->is_elsewhere;
  mend_ = Hole{batch.number, batch.position, is_elsewhere || was_elsewhere};
}

bool PartitionSession::CanMend(const std::deque<OutgoingBatch>& waiting) const {
  return IsMending() && (waiting.empty() || IsBehindHole(waiting.front()));
}

std::optional<SessionPosition> PartitionSession::Mend(const std::deque<OutgoingBatch>& waiting) {
  RAFTMQ_CHECK(CanMend(waiting));
  const Hole hole = *std::exchange(mend_, std::nullopt);
  const bool may_be_under_way = std::ranges::any_of(waiting, &OutgoingBatch::maybe_stored);
  if (kind_ == Kind::kNamed) {
    is_over_ = !hole.is_elsewhere || may_be_under_way || has_unknown_;
    if (!is_over_) need_ = Need::kOpen;
    return std::nullopt;
  }
  if (!hole.is_elsewhere && !may_be_under_way) return hole.position;
  need_ = Need::kAnother;
  return std::nullopt;
}

void PartitionSession::Restart() {
  need_ = Need::kNothing;
  mend_.reset();
  has_unknown_ = false;
}

SharedBytes SealAnew(const SharedBytes& frame, const SessionPosition& position) {
  const Result<BatchHeader> header = ParseBatchHeader(frame.view());
  RAFTMQ_CHECK(header.has_value());
  ProducerBlock block = header->producer;
  block.session = position.session;
  block.session_epoch = position.epoch;
  block.base_sequence = position.sequence;
  ByteBuffer copy(frame.size());
  std::memcpy(copy.data(), frame.data(), frame.size());
  SealBatch(copy.span().first(block.length), block);
  return SharedBytes(std::move(copy));
}

}  // namespace raftmq::internal
