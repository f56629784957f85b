// A partition's log on the real disk: batches of 64 KiB with records of 1 KiB, each validated
// (hashed), stamped, staged and written direct, synced per 1 MiB, against a bare loop of such
// writes and syncs. Segments roll, are prepared ahead and deleted behind, as in a broker.
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "protocol/types/batch_builder.h"
#include "protocol/types/batch_validator.h"
#include "protocol/types/check.h"
#include "segment/partition_log.h"
#include "segment/posix_file_system.h"
#include "tests/bench/bare_appends.h"
#include "tests/bench/bench.h"
#include "tests/bench/scratch_directory.h"

namespace raftmq::bench {
namespace {

constexpr std::size_t kBatchBytes = 64u << 10;
constexpr std::size_t kSyncBytes = 1u << 20;
constexpr std::size_t kRecordBytes = 1024;
constexpr std::size_t kSegmentsKept = 3;
constexpr std::uint64_t kSeed = 99;

class LogUnderLoad {
 public:
  explicit LogUnderLoad(const std::string& directory) {
    const std::string value(kRecordBytes, 'x');
    BatchBuilder builder(kBatchBytes);
    while (builder.Append({.value = value, .timestamp_ms = 1'700'000'000'000}))
      payload_ += kRecordBytes;
    batch_ = builder.Finish({.session = SessionId(1)});
    auto log = PartitionLog::Create(
        files_, {.directory = directory, .group = kGroup},
        {.group_seed = kSeed, .membership = membership_, .replica = ReplicaNumber(1)});
    RAFTMQ_CHECK(log.has_value());
    log_ = std::move(*log);
  }

  // As many batches as one sync covers; returns the payload's bytes.
  std::uint64_t AppendAndSync() {
    std::uint64_t done = 0;
    for (std::size_t staged = 0; staged < kSyncBytes; staged += kBatchBytes) {
      if (log_->room_for_data() < batch_.size()) Roll();
      ByteBuffer frame(batch_.size());
      std::memcpy(frame.data(), batch_.data(), batch_.size());
      RAFTMQ_CHECK(ValidateBatch(frame.span()).has_value());
      Stage(std::move(frame));
      done += payload_;
    }
    Run(log_->TakeJob());
    log_->Committed(log_->bounds().durable);
    if (auto job = log_->TakeBackgroundJob(now_ms_)) Run(std::move(job));
    now_ms_ += 1;
    return done;
  }

 private:
  static constexpr GroupId kGroup{TopicId{1, 2}, PartitionNumber(0)};

  void Stage(ByteBuffer frame) {
    const LogTail tail = log_->tail();
    StampBatch(frame.span(),
               {.index = tail.index.Next(),
                .term = Term(1),
                .base_offset = tail.next_offset,
                .append_time_ms = now_ms_,
                .committed_up_to = log_->bounds().durable,
                .chain = tail.chain},
               kSeed);
    log_->Stage(SharedBytes(std::move(frame)));
  }
  void Run(std::unique_ptr<LogJob> job) {
    if (!job) return;
    job->Write();
    job->Sync();
    log_->Completed(std::move(job));
  }
  void Roll() {
    Run(log_->TakeJob());
    while (!log_->CanRoll(0)) Run(log_->TakeBackgroundJob(now_ms_++));
    const Checkpoint checkpoint{.group = kGroup,
                                .group_seed = kSeed,
                                .membership = membership_,
                                .before = log_->tail(),
                                .segment_bytes = log_->NextSegmentBytes(now_ms_)};
    for (const ByteBuffer& part : EncodeCheckpoint(checkpoint))
      Stage(MakeControlEntry(EntryKind::kCheckpoint, part.span()));
    Run(log_->TakeJob());
    log_->Committed(log_->bounds().durable);
    const auto segments = log_->Segments();
    if (segments.size() > kSegmentsKept)
      log_->TruncateBefore(segments[segments.size() - kSegmentsKept].first);
  }

  PosixFileSystem files_;
  const Membership membership_{{.node = NodeId(1), .number = ReplicaNumber(1)}};
  ByteBuffer batch_;
  std::uint64_t payload_ = 0;
  std::unique_ptr<PartitionLog> log_;
  std::int64_t now_ms_ = 1'700'000'000'000;
};

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  using namespace raftmq::bench;
  Runner runner(argc, argv);
  const ScratchDirectory scratch;
  LogUnderLoad log(scratch.path() + "/partition");
  BareAppends bare(scratch.path());
  runner.Compare({.name = "append",
                  .target = 0.9,
                  .baseline = [&bare] { return bare.AppendAndSync(); },
                  .measured = [&log] { return log.AppendAndSync(); },
                  .seconds_per_turn = 2});
  return 0;
}
