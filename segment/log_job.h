// A row of steps for the disk thread, and what the loop needs to know when they are done.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "segment/log_disk.h"
#include "segment/log_repair.h"
#include "segment/partition_log.h"

namespace raftmq {

struct AppendStep {
  std::vector<SharedBytes> frames;
  bool on_fresh_page = false;
};
struct RollStep {
  LogDisk::Roll roll;
};
struct HardStateStep {
  HardState state;
};
struct MarkStep {
  LogMark mark;
  bool sync = false;
};
struct CutStep {
  LogMark mark;
  std::vector<SegmentName> newer;
};
struct ResetStep {
  LogMark mark;
  LogBase base;
};
struct PrepareStep {
  enum class Kind { kNew, kReused, kZero, kSync, kDrop } kind = Kind::kNew;
  std::uint64_t capacity = 0;  // kNew and kReused, as the next.
  const DiskSpace* space = nullptr;
  SegmentName freed;                // kReused.
  SegmentName first;                // kReused: the log's first segment.
  std::uint64_t at = 0, count = 0;  // kZero.
};
struct DeleteStep {
  SegmentName name;
  SegmentName first;  // The log's first segment.
};
struct RepairStep {
  RepairOrder order;
};
struct IndexStep {
  SegmentRepair::Where where;
};
struct RepairMetaStep {};
using LogStep = std::variant<AppendStep, RollStep, HardStateStep, MarkStep, CutStep, ResetStep,
                             PrepareStep, DeleteStep, RepairStep, IndexStep, RepairMetaStep>;

// Runs its steps in order. The first error is final and goes to `on_fatal`; only a PrepareStep may
// meet a full disk and live: prepare_status says so.
class StepJob final : public LogJob {
 public:
  StepJob(std::shared_ptr<LogDisk> disk, std::vector<LogStep> steps, LogMark after,
          std::function<void(const Error&)> on_fatal);

  void Write() override;
  void Sync() override;
  std::uint64_t bytes() const override { return bytes_; }

  // What holds when the job is done (the mark of the last entry that it appends, or as it was
  // before).
  const LogMark& after() const { return after_; }
  bool is_background() const { return is_background_; }
  bool moves_tail() const { return moves_tail_; }
  // Outcomes, after Sync.
  const std::vector<std::pair<SegmentName, std::shared_ptr<FileMap>>>& opened() const {
    return opened_;
  }
  const SharedBytes& unfinished_page() const { return unfinished_page_; }
  const std::optional<RepairReport>& repair() const { return repair_; }
  const std::vector<RepairedSegment>& reindexed() const { return reindexed_; }
  const Status& prepare_status() const { return prepare_status_; }
  bool failed() const { return failed_; }

 private:
  Status Run(LogStep& step);
  void Fatal(const Error& error);

  const std::shared_ptr<LogDisk> disk_;
  std::vector<LogStep> steps_;
  const LogMark after_;
  const std::function<void(const Error&)> on_fatal_;
  std::uint64_t bytes_ = 0;
  bool moves_tail_ = false;
  bool is_background_ = true;
  bool failed_ = false;
  std::vector<std::pair<SegmentName, std::shared_ptr<FileMap>>> opened_;
  SharedBytes unfinished_page_;
  std::optional<RepairReport> repair_;
  std::vector<RepairedSegment> reindexed_;
  Status prepare_status_;
};

}  // namespace raftmq
