#include "raftlog/command_applier.h"

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"

namespace raftmq {

constexpr std::size_t kApplyBytes = 1u << 20;

void CommandApplier::Start(Apply apply, Check check, std::function<void()> on_applied) {
  RAFTMQ_CHECK(!apply_);
  apply_ = std::move(apply);
  check_ = std::move(check);
  on_applied_ = std::move(on_applied);
}

void CommandApplier::Restart(Index applied) {
  ++restarts_;
  reading_ = false;
  applied_ = applied;
}

void CommandApplier::Advance(Index commit, Index durable) {
  commit_ = commit;
  durable_ = durable;
  if (!apply_ || reading_ || has_stopped_) return;
  while (applied_ < commit_ && !has_stopped_ && ApplyFromCache()) {
  }
  if (applied_ < commit_ && !has_stopped_) ReadOn();
}

bool CommandApplier::ApplyFromCache() {
  const CachedEntry* const entry = cache_.FindIndex(applied_.Next());
  if (entry == nullptr) return false;
  const SharedBytes frame = entry->frame;  // Applying may propose, and so evict.
  ApplyFrame(frame);
  return true;
}

void CommandApplier::ReadOn() {
  const Index up_to = std::min(commit_, durable_);
  if (up_to <= applied_) return;
  std::unique_ptr<LogRead> read =
      log_.Read({.by = ReadFrom::By::kIndex, .value = applied_.Next().value()}, up_to, kApplyBytes);
  if (!read) return;
  reading_ = true;
  reader_.Run(std::move(read), [this, restarts = restarts_](Result<LogSlice> slice) {
    if (restarts != restarts_) return;
    reading_ = false;
    // Damaged, overloaded, or beyond the end of a file that was cut: stays where it is; the next
    // commit or tick tries again.
    if (!slice || slice->last < slice->first) return;
    ApplySlice(*slice);
    on_applied_();
  });
}

void CommandApplier::ApplySlice(const LogSlice& slice) {
  FrameCursor frames(slice.bytes);
  while (!has_stopped_) {
    const auto frame = frames.Next();
    if (!frame) return;
    RAFTMQ_CHECK(frame->header.leader.index == applied_.Next());
    ApplyFrame(frame->bytes);
  }
}

void CommandApplier::ApplyFrame(const SharedBytes& frame) {
  const Result<BatchHeader> header = ParseBatchHeader(frame.view());
  RAFTMQ_CHECK(header.has_value());
  const Frame entry{.header = *header, .bytes = frame};
  if (header->producer.kind == EntryKind::kCheckpoint && !check_(entry)) {
    has_stopped_ = true;
    return;
  }
  applied_ = header->leader.index;
  if (header->producer.kind == EntryKind::kCommand) apply_(applied_, entry.payload());
}

}  // namespace raftmq
