// Drives one partition's log on a disk in memory, every job carried out at once, and remembers what
// the log promised after each step.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types/batch_builder.h"
#include "segment/memory_file_system.h"
#include "segment/operation_trace.h"
#include "segment/partition_log.h"

namespace raftmq {

inline LogOptions SmallLog() {
  LogOptions options;
  options.directory = "/p";
  options.group = {TopicId{1, 2}, PartitionNumber(3)};
  options.segment_bytes_first = 64u << 10;
  options.segment_bytes_max = 64u << 10;
  options.control_reserve_bytes = 1u << 10;
  options.on_fatal = [](const Error& error) { ADD_FAILURE() << error.ToString(); };
  return options;
}

// Header hash of every entry, by index; 0 where the log does not reach any more.
struct LogContents {
  Index first;
  std::vector<std::uint64_t> hashes{0};
  std::uint64_t last() const { return hashes.size() - 1; }
};

// All that can be read of the log; 0 for what is marked as damaged.
inline LogContents ContentsOf(const PartitionLog& log) {
  LogContents contents{.first = log.bounds().first};
  contents.hashes.resize(contents.first.value(), 0);
  for (Index next = contents.first; next <= log.bounds().durable;) {
    const bool is_damaged = std::ranges::any_of(log.damage(), [&](const DamagedRange& range) {
      return range.first <= next && next <= range.last;
    });
    if (is_damaged) {
      contents.hashes.push_back(0);
      next = next.Next();
      continue;
    }
    const auto read = log.Read({.value = next.value()}, log.bounds().durable, std::size_t{1} << 20);
    if (!read) break;
    const auto slice = read->Run();
    EXPECT_TRUE(slice.has_value()) << slice.error().ToString();
    if (!slice || slice->last < slice->first) break;
    EXPECT_EQ(slice->first, next);
    for (ByteSpan left = slice->bytes.view(); !left.empty();) {
      const auto header = ParseBatchHeader(left);
      EXPECT_TRUE(header.has_value());
      if (!header) return contents;
      EXPECT_EQ(header->leader.index.value(), contents.hashes.size());
      contents.hashes.push_back(header->header_hash);
      left = left.subspan(header->padded_length());
    }
    next = slice->last.Next();
  }
  return contents;
}

class LogDriver {
 public:
  static constexpr std::uint64_t kSeed = 99;
  // Operations done when the log said so, and what it held durably then.
  struct Promise {
    std::size_t steps = 0;
    LogContents contents;
    std::vector<std::uint64_t> staged;  // Header hashes of all entries staged since the last one.
  };

  explicit LogDriver(LogOptions options) : LogDriver(std::move(options), MemoryDisk()) {
    auto log = PartitionLog::Create(
        files_, options_,
        {.group_seed = kSeed, .membership = membership_, .replica = ReplicaNumber(1)});
    EXPECT_TRUE(log.has_value()) << log.error().ToString();
    log_ = std::move(*log);
    EXPECT_TRUE(files_.SyncDirectory("/").has_value());
    Promised();
  }
  // Goes on with the log that stands on `disk`.
  static std::unique_ptr<LogDriver> GoOn(LogOptions options, MemoryDisk disk) {
    std::unique_ptr<LogDriver> driver(new LogDriver(std::move(options), std::move(disk)));
    RecoveryReport report;
    auto log = PartitionLog::Open(driver->files_, driver->options_, &report);
    EXPECT_TRUE(log.has_value()) << log.error().ToString();
    driver->log_ = std::move(*log);
    driver->term_ = driver->log_->tail().term.value() + 1;
    driver->Promised();
    return driver;
  }

  // One data entry with a value of about `bytes`, staged.
  void Stage(std::size_t bytes, std::int64_t timestamp_ms = 1000) {
    StageValue(std::string(bytes, static_cast<char>('a' + log_->tail().index.value() % 26)),
               timestamp_ms);
  }
  void StageValue(const std::string& value, std::int64_t timestamp_ms = 1000) {
    BatchBuilder builder(64u << 10);
    EXPECT_TRUE(builder.Append({.value = value, .timestamp_ms = timestamp_ms}));
    StageFrame(builder.Finish({}));
  }
  // Writes and syncs what is staged.
  void Flush() {
    if (auto job = log_->TakeJob()) Run(std::move(job));
    Promised();
  }
  void Append(std::size_t bytes) {
    Stage(bytes);
    Flush();
  }
  void Background() {
    constexpr int kJobsMax = 20;  // On a full disk there is always one more to try.
    for (int i = 0; i < kJobsMax; ++i) {
      now_ms_ += 100;
      auto job = log_->TakeBackgroundJob(now_ms_);
      if (!job) break;
      Run(std::move(job));
    }
    Promised();
  }
  void Roll() {
    while (!log_->CanRoll(0)) Background();
    RollNow();
  }
  // REQUIRES: CanRoll.
  void RollNow() { RollTo(log_->NextSegmentBytes(now_ms_)); }
  // As a leader has it whose next segment is of that size. REQUIRES: CanRoll(segment_bytes).
  void RollTo(std::uint64_t segment_bytes) {
    StageRollTo(segment_bytes);
    Flush();
  }
  void StageRoll() { StageRollTo(log_->NextSegmentBytes(now_ms_)); }
  // At most so many parts of its checkpoint.
  void StageRollTo(std::uint64_t segment_bytes, std::size_t parts_max = ~std::size_t{0}) {
    for (ByteBuffer& part : CheckpointParts(segment_bytes)) {
      if (parts_max-- == 0) break;
      StageFrame(std::move(part));
    }
  }
  // Every part of the checkpoint comes in a job of its own.
  void RollInJobs() {
    while (!log_->CanRoll(0)) Background();
    for (ByteBuffer& part : CheckpointParts(log_->NextSegmentBytes(now_ms_))) {
      StageFrame(std::move(part));
      Flush();
    }
  }
  void Commit() {
    committed_ = log_->bounds().durable;
    log_->Committed(committed_);
  }
  void Cut(Index last_kept) {
    ++term_;
    log_->TruncateAfter(last_kept);
    Flush();
  }
  void Trim(std::size_t segments) {
    log_->TruncateBefore(log_->Segments()[segments].first);
    Background();
  }
  // The same in a job of their own.
  void CatchUp(const std::vector<std::size_t>& bytes) {
    StageCommitted(bytes);
    Flush();
  }
  // Old entries, each of which says that the one before is committed, staged together.
  void StageCommitted(const std::vector<std::size_t>& bytes) {
    for (const std::size_t each : bytes) {
      committed_ = log_->tail().index;
      Stage(each);
    }
  }
  // The log begins anew behind entry `before` of another history, with a checkpoint that ends at
  // `checkpoint_last`.
  void Reset(std::uint64_t before, std::uint64_t checkpoint_last) {
    log_->Reset(BaseAt(before, checkpoint_last));
    Flush();
    committed_ = Index(before);
  }
  LogBase BaseAt(std::uint64_t before, std::uint64_t checkpoint_last) {
    ++term_;
    return {.before = {.index = Index(before),
                       .term = Term(term_),
                       .next_offset = Offset(before * 10),
                       .chain = before * 77,
                       .append_time_ms = now_ms_},
            .checkpoint_last = Index(checkpoint_last),
            .membership = membership_};
  }
  void SaveHardState(std::uint64_t term) {
    log_->SaveHardState({Term(term), NodeId(1)});
    Flush();
  }
  void Close() {
    log_->Close();
    Promised();
  }

  // Checkpoints from now on hold so much state, in parts of kCheckpointPartBytes.
  void SetCheckpointState(std::size_t bytes) { checkpoint_state_bytes_ = bytes; }
  static constexpr std::size_t kCheckpointPartBytes = 3000;

  PartitionLog& log() { return *log_; }
  MemoryFileSystem& files() { return files_; }
  const OperationTrace& trace() const { return trace_; }
  const std::vector<Promise>& promises() const { return promises_; }
  const LogOptions& options() const { return options_; }

 private:
  LogDriver(LogOptions options, MemoryDisk disk)
      : options_(std::move(options)), files_(std::move(disk)), trace_(&files_) {}

  // Of a checkpoint behind all that is staged.
  std::vector<ByteBuffer> CheckpointParts(std::uint64_t segment_bytes) const {
    const Checkpoint checkpoint{.group = options_.group,
                                .group_seed = kSeed,
                                .membership = membership_,
                                .before = log_->tail(),
                                .segment_bytes = segment_bytes,
                                .state_machine = ByteBuffer(checkpoint_state_bytes_)};
    std::vector<ByteBuffer> parts;
    for (const ByteBuffer& part : EncodeCheckpoint(checkpoint, kCheckpointPartBytes))
      parts.push_back(MakeControlEntry(EntryKind::kCheckpoint, part.span()));
    return parts;
  }
  void StageFrame(ByteBuffer frame) {
    const LogTail tail = log_->tail();
    StampBatch(frame.span(),
               {.index = tail.index.Next(),
                .term = Term(term_),
                .base_offset = tail.next_offset,
                .append_time_ms = now_ms_,
                .committed_up_to = committed_,
                .chain = tail.chain},
               kSeed);
    staged_.push_back(ParseBatchHeader(frame.span())->header_hash);
    log_->Stage(SharedBytes(std::move(frame)));
  }
  void Run(std::unique_ptr<LogJob> job) {
    job->Write();
    job->Sync();
    log_->Completed(std::move(job));
  }
  void Promised() {
    promises_.push_back({trace_.size(), ContentsOf(*log_), std::exchange(staged_, {})});
  }

  const LogOptions options_;
  const Membership membership_{{.node = NodeId(1), .number = ReplicaNumber(1)}};
  MemoryFileSystem files_;
  OperationTrace trace_;
  std::unique_ptr<PartitionLog> log_;
  std::vector<Promise> promises_;
  std::vector<std::uint64_t> staged_;
  std::uint64_t term_ = 1;
  std::int64_t now_ms_ = 1'000'000;
  Index committed_;
  std::size_t checkpoint_state_bytes_ = 0;
};

}  // namespace raftmq
