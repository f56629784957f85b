// Several groups on one real disk thread and I/O pool: for the thread sanitizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "protocol/types/batch_builder.h"
#include "raftlog/disk_thread.h"
#include "raftlog/group_factory.h"
#include "raftlog/io_pool.h"
#include "segment/posix_file_system.h"
#include "tests/raftlog/fake_log.h"
#include "tests/raftlog/step_queues.h"
#include "tests/raftlog/thread_loop.h"
#include "tests/segment/temp_directory.h"

namespace raftmq {
namespace {

ByteBuffer Batch(const std::string& value) {
  BatchBuilder builder(kBatchBytesMax);
  EXPECT_TRUE(builder.Append({.value = value, .timestamp_ms = 1}));
  return builder.Finish({});
}

// A producer that keeps a window of batches under way in one group.
struct Producer {
  Group* group = nullptr;
  int to_send = 0;
  int acked = 0;

  void SendOne() {
    if (to_send-- <= 0) return;
    ByteBuffer batch = Batch(std::string(300, 'x'));
    const std::size_t bytes = batch.size();
    group->Propose(std::move(batch), 0, bytes, [this](Result<Proposed> proposed) {
      ASSERT_TRUE(proposed.has_value()) << proposed.error().ToString();
      ++acked;
      SendOne();
    });
    group->TurnEnd();
  }
};

TEST(GroupThreads, ManyGroupsShareOneDiskThread) {
  constexpr int kGroups = 4;
  constexpr int kBatches = 200;
  ThreadLoop loop;
  RealClock clock;
  DiskMetrics disk_metrics;
  GroupMetrics metrics;
  PosixFileSystem no_files;
  TailCache cache(4096);
  LiveTraffic live_traffic;
  std::vector<FakeDisk> files(kGroups);
  DiskThread disk(loop.Poster(), clock, disk_metrics);
  IoPool pool({.threads = 2}, loop.Poster());
  NoTransport transport;
  const GroupDeps deps{no_files, clock, disk, pool, cache, live_traffic, metrics, transport};
  GroupOptions options{.self = NodeId(1), .batch_bytes_max = 2048, .retention_ms = -1};
  options.log.control_reserve_bytes = files[0].reserve_bytes;

  std::vector<std::unique_ptr<Group>> groups;
  std::vector<Producer> producers(kGroups);
  for (int i = 0; i < kGroups; ++i) {
    files[static_cast<std::size_t>(i)].Found();
    files[static_cast<std::size_t>(i)].is_cold = true;
    groups.push_back(MakeGroup(options, deps, OpenFake(files[static_cast<std::size_t>(i)])));
    groups.back()->Tick();
  }
  loop.RunUntil([&] {
    return std::all_of(groups.begin(), groups.end(),
                       [](const auto& group) { return group->status().is_leader; });
  });
  for (std::size_t i = 0; i < groups.size(); ++i) {
    producers[i] = {.group = groups[i].get(), .to_send = kBatches};
    for (int window = 0; window < 4; ++window) producers[i].SendOne();
  }
  loop.RunUntil([&] {
    return std::all_of(producers.begin(), producers.end(),
                       [](const Producer& producer) { return producer.acked == kBatches; });
  });

  int fetched = 0;
  for (const auto& group : groups) {
    EXPECT_EQ(group->status().end, Offset(kBatches));
    group->Fetch(Offset(0), 1u << 20, [&](Result<FetchSlice> slice) {
      ASSERT_TRUE(slice.has_value());
      EXPECT_FALSE(slice->batches.empty());
      ++fetched;
    });
  }
  loop.RunUntil([&] { return fetched == kGroups; });
  int drained = 0;
  for (const auto& group : groups) group->Drain([&] { ++drained; });
  loop.RunUntil([&] { return drained == kGroups; });
}

// The same on real logs, made by the factory and read back by it.
TEST(GroupThreads, RealLogsAreMadeFilledAndOpenedAgain) {
  constexpr std::size_t kGroups = 3;
  constexpr int kBatches = 400;
  ThreadLoop loop;
  RealClock clock;
  DiskMetrics disk_metrics;
  GroupMetrics metrics;
  PosixFileSystem files;
  TempDirectory directory;
  TailCache cache(4096);
  LiveTraffic live_traffic;
  DiskThread disk(loop.Poster(), clock, disk_metrics);
  IoPool pool({.threads = 2}, loop.Poster());
  NoTransport transport;
  const GroupDeps deps{files, clock, disk, pool, cache, live_traffic, metrics, transport};
  const auto options = [&](std::size_t i) {
    GroupOptions of{.self = NodeId(1), .batch_bytes_max = 2048};
    of.log.directory = directory / std::to_string(i);
    of.log.group.partition = PartitionNumber(static_cast<std::uint32_t>(i));
    of.log.segment_bytes_first = of.log.segment_bytes_max = 1;
    of.retention_ms = -1;
    return of;
  };
  std::vector<std::unique_ptr<Group>> groups(kGroups);
  const auto receive = [&](std::size_t i) {
    return [&groups, i](Result<std::unique_ptr<Group>> group) {
      ASSERT_TRUE(group.has_value()) << group.error().ToString();
      groups[i] = std::move(*group);
      groups[i]->Tick();
    };
  };
  const auto all_lead = [&] {
    return std::all_of(groups.begin(), groups.end(), [](const auto& group) {
      return group != nullptr && group->status().is_leader;
    });
  };
  for (std::size_t i = 0; i < kGroups; ++i) {
    LogFounding founding{.group_seed = 7,
                         .membership = {{.node = NodeId(1), .number = ReplicaNumber(1)}},
                         .replica = ReplicaNumber(1)};
    CreateGroup(options(i), std::move(founding), deps, receive(i));
  }
  loop.RunUntil(all_lead);
  std::vector<Producer> producers(kGroups);
  for (std::size_t i = 0; i < kGroups; ++i) {
    producers[i] = {.group = groups[i].get(), .to_send = kBatches};
    for (int window = 0; window < 4; ++window) producers[i].SendOne();
  }
  loop.RunUntil([&] {
    // A roll may wait for its file: ticks go on, as the broker's do.
    for (const auto& group : groups) group->Tick();
    return std::all_of(producers.begin(), producers.end(),
                       [](const Producer& producer) { return producer.acked == kBatches; });
  });
  EXPECT_GT(metrics.rolls.value(), 0u);
  int drained = 0;
  for (const auto& group : groups) group->Drain([&] { ++drained; });
  loop.RunUntil([&] { return drained == kGroups; });
  groups.clear();
  groups.resize(kGroups);
  for (std::size_t i = 0; i < kGroups; ++i) OpenGroup(options(i), deps, receive(i));
  loop.RunUntil(all_lead);
  loop.RunUntil([&] {
    return std::all_of(groups.begin(), groups.end(), [](const auto& group) {
      return group->status().commit == group->status().last;
    });
  });
  for (const auto& group : groups) EXPECT_EQ(group->status().end, Offset(kBatches));
}

}  // namespace
}  // namespace raftmq
