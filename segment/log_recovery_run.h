// One recovery of one log and its steps, in the order of log_recovery.h. Private to
// log_recovery*.cc.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "segment/front_checkpoint.h"
#include "segment/log_recovery.h"
#include "segment/segment_scan.h"

namespace raftmq {

class LogRecovery {
 public:
  LogRecovery(FileSystem& files, const LogOptions& options, RecoveryReport* report)
      : files_(files), options_(options), report_(report) {}

  Result<RecoveredLog> Run();

 private:
  // A place where entries should be and are not, to be judged when all evidence is in.
  struct Hole {
    std::size_t segment = 0;  // Position in log_.segments of what is before the hole.
    ScanGap gap;
  };

  // log_recovery.cc
  Status OpenMeta();
  Status ListSegments();
  Status SettleFirst();
  bool HoldsNothing() const;
  Result<RecoveredLog> BeginBehindBase();
  void TakeBase();
  Status OpenViews();

  // log_recovery_scan.cc
  Status ScanAboveMark();
  Status LoadSealed(std::size_t i);
  Status Scan(std::size_t i, const LogTail& before, bool direct);
  LogTail BeforeSegment(const SegmentName& name) const;
  Status WriteScannedIndexes();
  Status CompleteMarks();

  // log_recovery_judge.cc
  Status Judge();
  void Damaged(const Hole& hole);
  Result<ScanGap> GapBefore(std::size_t next) const;
  Status UndoEmptyRoll();
  Status FindCheckpoint();

  // log_recovery_end.cc
  Status SyncScanned();
  Status SyncFile(const std::string& path);
  Status SettleTail();
  Status MarkTail();
  Status ExtendShortened(Segment& segment);
  Result<std::uint64_t> CapacityOf(const Segment& segment);

  std::string PathOf(const SegmentName& name) const {
    return options_.directory + "/" + name.LogFile();
  }
  std::string IndexPathOf(const SegmentName& name) const {
    return options_.directory + "/" + name.IndexFile();
  }
  FrontOf FrontOfSegment(const Segment& segment) const {
    return {segment.path, segment.name.first, log_.identity.group_seed};
  }
  // Keeps the marks above the commit floor, as it is known so far, and the one at it.
  void NoteMark(const EntryMark& mark) {
    log_.marks.push_back(mark);
    while (log_.marks.size() > 1 && log_.marks[1].tail.index <= report_->commit_floor)
      log_.marks.pop_front();
  }
  // What an entry says of earlier ones shows that they were synced here, unless all were written in
  // the last job: a later one may have reached the disk without an earlier one.
  bool IsEvidence(Index index) const {
    return index <= log_.mark.tail.index || index > log_.mark.unproven;
  }
  Index Promised() const { return std::max({log_.mark.tail.index, log_.mark.committed, proven_}); }

  FileSystem& files_;
  const LogOptions& options_;
  RecoveryReport* const report_;
  RecoveredLog log_;
  std::vector<Hole> holes_;
  Index proven_;  // Committed, as an entry says that was written after it was synced.
  std::size_t scanned_from_ = 0;  // The segment from which on all were scanned for their tail.
  bool rest_is_zero_ = true;
  std::string end_reason_;
  std::optional<std::size_t> cut_in_;  // The log is cut inside or after this segment.
};

}  // namespace raftmq
