// A replica that was away while 100 segments were written and the first of them were deleted: its
// log is reset and brought up to date, while others produce.
// - catch_up: from its ready line until it has what the others had then, against copying the
//   leader's files and syncing the copies.
// - catch_up_live_p99: the time to an ack of single messages meanwhile, against the seconds before;
//   also while the files are copied, which takes as much of the same disk, and when all is done.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "protocol/types/check.h"
#include "raftmq/client.h"
#include "raftmq/producer.h"
#include "tests/bench/bench.h"
#include "tests/bench/scratch_directory.h"
#include "tests/bench/sending.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kTopic = "behind";
constexpr std::size_t kRecordBytes = 1024;
constexpr std::uint64_t kSegmentBytes = 8u << 20;
constexpr std::uint64_t kSegments = 100;
constexpr std::chrono::seconds kLong{120};
constexpr std::chrono::seconds kBefore{3};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One message after the other, each waited for, until it is told to stop.
class Probe {
 public:
  explicit Probe(const Client& client) : client_(client), thread_([this] { Run(); }) {}
  ~Probe() {
    is_over_ = true;
    thread_.join();
  }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // Of the messages since the last call.
  double TakeP99Milliseconds() {
    const std::lock_guard lock(mutex_);
    std::vector<double> taken = std::exchange(times_, {});
    RAFTMQ_CHECK(!taken.empty());
    std::ranges::sort(taken);
    return taken[taken.size() * 99 / 100];
  }

 private:
  void Run() {
    auto producer =
        Producer::Create(client_, {.topic = kTopic, .linger = std::chrono::milliseconds(0)});
    RAFTMQ_CHECK(producer.has_value());
    while (!is_over_) {
      const auto start = Clock::now();
      Message message;
      message.value.emplace(kRecordBytes, 'p');
      RAFTMQ_CHECK(producer->Send(std::move(message)).Get(kLong));
      const std::lock_guard lock(mutex_);
      times_.push_back(SecondsSince(start) * 1e3);
    }
  }

  const Client client_;
  std::mutex mutex_;
  std::vector<double> times_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

// Copies the log's files as cp would, synced; returns bytes per second.
double CopyRate(const std::string& from) {
  const ScratchDirectory scratch;
  std::uint64_t bytes = 0;
  std::vector<char> block(1u << 20);
  const auto start = Clock::now();
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    if (entry.path().extension() != ".log") continue;
    const int in = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (in < 0) continue;  // Retention has just deleted it.
    const std::string to = scratch.path() + "/" + entry.path().filename().string();
    const int out = open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    RAFTMQ_CHECK(out >= 0);
    for (ssize_t count = 0; (count = read(in, block.data(), block.size())) > 0;) {
      RAFTMQ_CHECK(write(out, block.data(), static_cast<std::size_t>(count)) == count);
      bytes += static_cast<std::uint64_t>(count);
    }
    RAFTMQ_CHECK(fdatasync(out) == 0);
    close(in);
    close(out);
  }
  return static_cast<double>(bytes) / SecondsSince(start);
}

void Measure(Runner& runner) {
  testing::ClusterProcess cluster;
  auto client = Client::Connect({.brokers = cluster.brokers()});
  RAFTMQ_CHECK(client);
  RAFTMQ_CHECK(
      client->CreateTopic(kTopic, 1, 3, {{"segment.bytes", std::to_string(kSegmentBytes)}}));
  const NodeId leader = cluster.WaitForLeader(kTopic);
  const NodeId victim = cluster.Others(leader).front();
  Send(*client, kTopic, 1000, kRecordBytes);
  cluster.Kill(victim);
  const std::uint64_t records = kSegments * kSegmentBytes / kRecordBytes;
  Send(*client, kTopic, records, kRecordBytes);
  RAFTMQ_CHECK(client->Trim(kTopic, 0, 3 * kSegmentBytes / kRecordBytes));
  Send(*client, kTopic, 1, kRecordBytes);
  const double copied = CopyRate(cluster.data_directory(leader));

  Probe probe(*client);
  std::this_thread::sleep_for(kBefore);
  const double before = probe.TakeP99Milliseconds();
  CopyRate(cluster.data_directory(leader));
  const double copying = probe.TakeP99Milliseconds();
  cluster.Start(victim);
  const auto start = Clock::now();
  const std::uint64_t end =
      cluster.Ask(cluster.WaitForLeader(kTopic), kTopic)->partitions[0].end.value();
  RAFTMQ_CHECK(
      testing::Becomes([&] { return cluster.DurableEnd(victim, kTopic) >= Offset(end); }, kLong));
  const double seconds = SecondsSince(start);
  const double during = probe.TakeP99Milliseconds();
  std::this_thread::sleep_for(kBefore);
  const double after = probe.TakeP99Milliseconds();
  const double rate = static_cast<double>(records * kRecordBytes) / seconds;
  runner.Report({.name = "catch_up_copy", .unit = "MB/s", .measured = copied / 1e6});
  runner.Report({.name = "catch_up_rate", .unit = "MB/s", .measured = rate / 1e6});
  runner.Report({.name = "catch_up",
                 .unit = "of_a_copy",
                 .bound = 0.5,
                 .at_most = false,
                 .measured = rate / copied});
  runner.Report({.name = "catch_up_live_p99_before", .unit = "ms", .measured = before});
  runner.Report({.name = "catch_up_live_p99_copying", .unit = "ms", .measured = copying});
  runner.Report({.name = "catch_up_live_p99_after", .unit = "ms", .measured = after});
  runner.Report(
      {.name = "catch_up_live_p99", .unit = "ms", .bound = 2 * before, .measured = during});
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  raftmq::bench::Runner runner(argc, argv);
  raftmq::bench::Measure(runner);
  return 0;
}
