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
  explicit SegmentPreparer(std::uint64_t zero_ahead_bytes_min)
      : zero_ahead_bytes_min_(zero_ahead_bytes_min) {}

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

  // The next step towards a file of `capacity` bytes; `freed`, a segment that retention gave up, is
  // taken over if it has that size. nullopt if the file is ready.
  std::optional<PrepareStep> NextStep(std::uint64_t capacity,
                                      const std::optional<SegmentName>& freed) {
    switch (stage_) {
      case Stage::kIdle:
        capacity_ = capacity;
        zeroed_ = 0;
        is_reused_ = freed.has_value();
        if (is_reused_) return PrepareStep{.kind = PrepareStep::Kind::kReused, .freed = *freed};
        return PrepareStep{.kind = PrepareStep::Kind::kNew, .capacity = capacity};
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
        stage_ = !is_reused_ && zero_ahead_bytes_min_ > 0 && capacity_ >= zero_ahead_bytes_min_
                     ? Stage::kZeroing
                     : Stage::kSyncing;
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

  const std::uint64_t zero_ahead_bytes_min_;
  Stage stage_ = Stage::kIdle;
  std::uint64_t capacity_ = 0;
  std::uint64_t zeroed_ = 0;
  bool is_reused_ = false;
  bool is_full_ = false;
};

}  // namespace raftmq
