// A group on stepped queues, and the verbs that make its tests read aloud.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/types/batch_builder.h"
#include "protocol/types/batch_cursor.h"
#include "protocol/types/clock.h"
#include "raftlog/group_factory.h"
#include "segment/posix_file_system.h"
#include "tests/raftlog/fake_log.h"
#include "tests/raftlog/step_queues.h"

namespace raftmq {

// One node's world around one group, on any log. Crash() forgets all but the disk.
class AnyGroupWorld {
 public:
  explicit AnyGroupWorld(std::size_t cache_bytes) : cache_bytes_(cache_bytes) {
    options.self = NodeId(1);
    options.retention_ms = -1;
  }
  virtual ~AnyGroupWorld() = default;

  // Opens the group and elects it.
  void Start() {
    Open();
    group->Tick();
    Settle();
    EXPECT_TRUE(group->status().is_leader);
  }
  void Open() {
    shard = std::make_unique<Shard>(cache_bytes_);
    const GroupDeps deps{.files = file_system(),
                         .clock = clock,
                         .disk = shard->disk,
                         .work = shard->work,
                         .cache = shard->cache,
                         .live_traffic = shard->live_traffic,
                         .metrics = metrics,
                         .transport = network()};
    Result<std::unique_ptr<OpenedLog>> log = OpenLog();
    ASSERT_TRUE(log.has_value()) << log.error().ToString();
    group = MakeGroup(options, deps, std::move(*log));
  }
  // The process is gone; what was not synced is lost.
  void Crash() {
    group.reset();
    shard.reset();
  }
  void Restart() {
    Crash();
    Start();
  }
  // Lets disk and work run until nothing is left to do.
  void Settle() {
    group->TurnEnd();
    while (!disk().idle() || !work().idle()) {
      disk().RunRound();
      work().RunAll();
    }
  }

  // A sealed batch with one record per value.
  static ByteBuffer Batch(const std::vector<std::string>& values, std::int64_t timestamp_ms = 1,
                          Codec codec = Codec::kNone) {
    BatchBuilder builder(kBatchBytesMax);
    for (const std::string& value : values) {
      EXPECT_TRUE(builder.Append({.value = value, .timestamp_ms = timestamp_ms++}));
    }
    return builder.Finish({.codec = codec});
  }

  // The same of a session.
  static ByteBuffer SessionBatch(const SealOptions& session,
                                 const std::vector<std::string>& values) {
    BatchBuilder builder(kBatchBytesMax);
    for (const std::string& value : values)
      EXPECT_TRUE(builder.Append({.value = value, .timestamp_ms = 1}));
    return builder.Finish(session);
  }

  // Proposes and does not wait.
  std::shared_ptr<std::optional<Result<Proposed>>> Send(ByteBuffer batch) {
    auto answer = std::make_shared<std::optional<Result<Proposed>>>();
    const std::size_t bytes = batch.size();
    group->Propose(std::move(batch), 0, bytes, [answer](Result<Proposed> result) {
      EXPECT_FALSE(answer->has_value()) << "answered twice";
      *answer = std::move(result);
    });
    return answer;
  }
  // Proposes, lets everything run and returns the answer.
  Result<Proposed> Produce(const std::vector<std::string>& values, std::int64_t timestamp_ms = 1,
                           Codec codec = Codec::kNone) {
    const auto answer = Send(Batch(values, timestamp_ms, codec));
    Settle();
    EXPECT_TRUE(answer->has_value()) << "no answer";
    return std::move(**answer);
  }
  // One record of session 9 with this sequence number.
  static ByteBuffer Numbered(std::uint32_t sequence, const std::string& value,
                             std::uint32_t epoch = 1) {
    return SessionBatch(
        {.session = SessionId(9), .session_epoch = epoch, .base_sequence = sequence}, {value});
  }
  Result<Proposed> ProduceNumbered(std::uint32_t sequence, const std::string& value,
                                   std::uint32_t epoch = 1) {
    const auto answer = Send(Numbered(sequence, value, epoch));
    Settle();
    EXPECT_TRUE(answer->has_value()) << "no answer";
    return std::move(**answer);
  }
  std::shared_ptr<std::optional<Result<OpenedSession>>> SendOpening(std::uint64_t session,
                                                                    std::uint32_t epoch) {
    auto answer = std::make_shared<std::optional<Result<OpenedSession>>>();
    group->OpenSession(SessionId(session), epoch, [answer](Result<OpenedSession> opened) {
      EXPECT_FALSE(answer->has_value()) << "answered twice";
      *answer = std::move(opened);
    });
    return answer;
  }
  Result<OpenedSession> OpenSession(std::uint64_t session, std::uint32_t epoch) {
    const auto answer = SendOpening(session, epoch);
    Settle();
    EXPECT_TRUE(answer->has_value()) << "no answer";
    return std::move(**answer);
  }
  Result<FetchSlice> Fetch(std::uint64_t offset, std::size_t bytes_max = 1u << 20) {
    std::optional<Result<FetchSlice>> answer;
    group->Fetch(Offset(offset), bytes_max, [&](Result<FetchSlice> slice) {
      EXPECT_FALSE(answer.has_value()) << "answered twice";
      answer = std::move(slice);
    });
    Settle();
    EXPECT_TRUE(answer.has_value()) << "no answer";
    return std::move(*answer);
  }
  Status CheckPosition(std::uint64_t offset, std::uint64_t term_before) {
    std::optional<Status> answer;
    group->CheckPosition(Offset(offset), Term(term_before), [&](Status position) {
      EXPECT_FALSE(answer.has_value()) << "answered twice";
      answer = std::move(position);
    });
    Settle();
    EXPECT_TRUE(answer.has_value()) << "no answer";
    return *answer;
  }
  Result<Group::OffsetAtTime> Find(std::int64_t timestamp_ms) {
    std::optional<Result<Group::OffsetAtTime>> answer;
    group->FindOffset(timestamp_ms, [&](Result<Group::OffsetAtTime> found) { answer = found; });
    Settle();
    EXPECT_TRUE(answer.has_value()) << "no answer";
    return *answer;
  }
  Result<Offset> Trim(std::uint64_t log_start) {
    std::optional<Result<Offset>> answer;
    group->Trim(Offset(log_start), [&](Result<Offset> start) { answer = start; });
    Settle();
    EXPECT_TRUE(answer.has_value()) << "no answer";
    return *answer;
  }
  Result<AcceptedLoss> AcceptLoss(std::uint64_t to) {
    std::optional<Result<AcceptedLoss>> answer;
    group->AcceptLoss(Offset(to), [&](Result<AcceptedLoss> loss) { answer = loss; });
    Settle();
    EXPECT_TRUE(answer.has_value()) << "no answer";
    return *answer;
  }
  // All values from `offset` to the end, in order of offset; the offsets must be dense.
  std::vector<std::string> ReadFrom(std::uint64_t offset) {
    std::vector<std::string> values;
    std::uint64_t next = offset;
    while (true) {
      const Result<FetchSlice> slice = Fetch(next, 1);
      EXPECT_TRUE(slice.has_value()) << slice.error().ToString();
      if (!slice || slice->batches.empty()) return values;
      for (const SharedBytes& bytes : slice->batches) {
        const Result<OpenedBatch> batch = OpenRecords(bytes.view());
        EXPECT_TRUE(batch.has_value());
        BatchCursor cursor(*batch);
        while (const auto record = cursor.Next()) {
          if (record->offset.value() < next) continue;
          EXPECT_EQ(record->offset.value(), next++);
          values.emplace_back(*record->value);
        }
      }
      EXPECT_EQ(slice->next_offset.value(), next);
    }
  }

  StepDisk& disk() { return shard->disk; }
  StepWork& work() { return shard->work; }
  TailCache& cache() { return shard->cache; }

  GroupOptions options;
  ManualClock clock;
  GroupMetrics metrics;
  NoTransport transport;
  struct Shard {
    explicit Shard(std::size_t cache_bytes) : cache(cache_bytes) {}
    StepDisk disk;
    StepWork work;
    TailCache cache;
    LiveTraffic live_traffic;
  };
  std::unique_ptr<Shard> shard;
  std::unique_ptr<Group> group;

 protected:
  virtual FileSystem& file_system() = 0;
  virtual Transport& network() { return transport; }
  virtual Result<std::unique_ptr<OpenedLog>> OpenLog() = 0;

 private:
  std::size_t cache_bytes_;
};

// On the fake log, whose every mood can be set.
class GroupWorld final : public AnyGroupWorld {
 public:
  explicit GroupWorld(std::size_t cache_bytes = 1u << 20) : AnyGroupWorld(cache_bytes) {
    options.batch_bytes_max = 2048;
    options.log.control_reserve_bytes = files.reserve_bytes;
  }

  FakeDisk files;

 private:
  FileSystem& file_system() override { return no_files_; }
  Result<std::unique_ptr<OpenedLog>> OpenLog() override {
    if (files.entries.empty()) files.Found();
    return OpenFake(files);
  }

  PosixFileSystem no_files_;  // Never used.
};

}  // namespace raftmq
