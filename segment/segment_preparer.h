// Makes the next segment's file ahead of its use, one small step for the disk thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "segment/log_job.h"

namespace raftmq {

// Loop-affine. A step that was handed out must be settled before the next.
class SegmentPreparer {
 public:
  struct Wanted {
    std::uint64_t capacity = 0;
    std::optional<SegmentName> freed;  // A segment of that size that retention gave up: taken over.
    bool wants_zeros = false;          // Written ahead, if the file is a new one.
  };

  // The prepared file's capacity, once it is ready.
  std::optional<std::uint64_t> ready() const {
    return stage_ == Stage::kReady ? std::optional(capacity_) : std::nullopt;
  }
  bool IsIdle() const { return stage_ == Stage::kIdle; }
  bool IsFull() const { return is_full_; }
  // The prepared file became a segment.
  void Taken() { stage_ = Stage::kIdle; }

  // The file is not wanted any more: the next step makes another. REQUIRES: it is ready.
  void Discard() { stage_ = Stage::kIdle; }

  // The next step towards the file that is wanted; nullopt if it is ready. What is wanted counts
  // with the first step.
  std::optional<PrepareStep> NextStep(const Wanted& wanted) {
    switch (stage_) {
      case Stage::kIdle:
        capacity_ = wanted.capacity;
        zeroed_ = 0;
        is_zeroing_wanted_ = wanted.wants_zeros && !wanted.freed;
        if (wanted.freed)
          return PrepareStep{
              .kind = PrepareStep::Kind::kReused, .capacity = capacity_, .freed = *wanted.freed};
        return PrepareStep{.kind = PrepareStep::Kind::kNew, .capacity = capacity_};
      case Stage::kZeroing:
        return PrepareStep{.kind = PrepareStep::Kind::kZero, .at = zeroed_, .count = ZeroCount()};
      case Stage::kSyncing:
        return PrepareStep{.kind = PrepareStep::Kind::kSync};
      case Stage::kReady:
        return std::nullopt;
    }
    return std::nullopt;
  }

  void Settle(const Status& outcome) {
    is_full_ = !outcome;
    if (is_full_) {
      stage_ = Stage::kIdle;
      return;
    }
    switch (stage_) {
      case Stage::kIdle:
        stage_ = is_zeroing_wanted_ ? Stage::kZeroing : Stage::kSyncing;
        break;
      case Stage::kZeroing:
        zeroed_ += ZeroCount();
        if (zeroed_ == capacity_) stage_ = Stage::kSyncing;
        break;
      case Stage::kSyncing:
        stage_ = Stage::kReady;
        break;
      case Stage::kReady:
        break;
    }
  }

 private:
  enum class Stage { kIdle, kZeroing, kSyncing, kReady };
  static constexpr std::uint64_t kZeroStepBytes = 4u
                                                  << 20;  // A few milliseconds of the disk thread.
  std::uint64_t ZeroCount() const { return std::min(kZeroStepBytes, capacity_ - zeroed_); }

  Stage stage_ = Stage::kIdle;
  std::uint64_t capacity_ = 0;
  std::uint64_t zeroed_ = 0;
  bool is_zeroing_wanted_ = false;
  bool is_full_ = false;
};

}  // namespace raftmq
