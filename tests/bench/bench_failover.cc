// How long a partition is without acks when its leader goes: three brokers, 12 partitions, load at
// half of what the cluster was measured to take; again and again the broker that leads most of them
// goes, and the next ack of each partition that it led is awaited. Every acked message has to be
// there afterwards.
// - failover_kill: by kill -9, seen by the connections that break.
// - failover_pause: by SIGSTOP, seen by nobody but the timers.
//
// RAFTMQ_BENCH_FAILOVERS: how often of each kind (10).
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "protocol/types/check.h"
#include "raftmq/client.h"
#include "tests/bench/bench.h"
#include "tests/bench/paced_load.h"
#include "tests/bench/sending.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kTopic = "failing";
constexpr std::uint32_t kPartitions = 12;
constexpr std::uint64_t kRecords = 500'000;  // Of the measurement of throughput.
constexpr std::size_t kRecordBytes = 1024;
constexpr std::chrono::seconds kPatience{30};

enum class Fault { kKill, kPause };

class Failovers {
 public:
  Failovers() : client_(Connect()) {
    RAFTMQ_CHECK(client_.CreateTopic(kTopic, kPartitions, 3, {{"retention.bytes", "256MiB"}}));
    WaitForLeaders();
    Send(client_, kTopic, kRecords, kRecordBytes);  // Warms up.
    const auto start = Clock::now();
    Send(client_, kTopic, kRecords, kRecordBytes);
    const std::chrono::duration<double> took = Clock::now() - start;
    bytes_per_second_ = static_cast<double>(kRecords * kRecordBytes) / took.count() / 2;
  }

  double bytes_per_second() const { return bytes_per_second_; }
  // Appends how long each partition waited, in milliseconds.
  void RunOne(Fault fault, std::vector<double>* waits);

 private:
  Client Connect() {
    auto client = Client::Connect({.brokers = cluster_.brokers()});
    RAFTMQ_CHECK(client.has_value());
    return *client;
  }
  std::vector<NodeId> WaitForLeaders() const {
    std::vector<NodeId> leaders;
    for (std::uint32_t p = 0; p < kPartitions; ++p)
      leaders.push_back(cluster_.WaitForLeader(kTopic, p));
    return leaders;
  }

  testing::ClusterProcess cluster_;
  Client client_;
  double bytes_per_second_ = 0;
};

NodeId MostFrequent(const std::vector<NodeId>& nodes) {
  std::map<NodeId, int> counts;
  for (const NodeId node : nodes) ++counts[node];
  return std::ranges::max_element(counts, {}, [](const auto& each) { return each.second; })->first;
}

void Failovers::RunOne(Fault fault, std::vector<double>* waits) {
  const std::vector<NodeId> leaders = WaitForLeaders();
  const NodeId victim = MostFrequent(leaders);
  const std::vector<std::uint64_t> starts = EndsOf(client_, kTopic);
  PacedLoad load(client_, {.topic = kTopic,
                           .partitions = kPartitions,
                           .message_bytes = kRecordBytes,
                           .bytes_per_second = bytes_per_second_});
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const auto begin = Clock::now();
  fault == Fault::kKill ? cluster_.Kill(victim) : cluster_.Pause(victim);
  load.NoteFirstAcks();  // It acks nothing more.
  const auto all_came = [&load] {
    return std::ranges::all_of(load.first_acks(), [](const auto& ack) { return ack.has_value(); });
  };
  static_cast<void>(testing::Becomes(all_came, kPatience));
  const auto acks = load.first_acks();
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    const std::chrono::duration<double, std::milli> wait = acks[p].value_or(Clock::now()) - begin;
    if (leaders[p] == victim) waits->push_back(wait.count());
  }
  // Before it returns, so that it has the same to catch up with each time.
  RAFTMQ_CHECK(load.Finish());
  fault == Fault::kKill ? cluster_.Start(victim) : cluster_.Continue(victim);
  WaitForLeaders();
  // Read where it was, so that the others do not map more and more of the log, which takes its time
  // when they die.
  RAFTMQ_CHECK(
      CountLost(client_, {.topic = kTopic, .replica = victim.value()}, starts, load.acked()) == 0);
}

struct Bounds {
  double p50_ms = 0;
  double p99_ms = 0;
};

void Measure(Runner& runner, Failovers& failovers, Fault fault, const Bounds& bounds) {
  const char* const times = std::getenv("RAFTMQ_BENCH_FAILOVERS");
  std::vector<double> waits;
  for (int i = 0; i < (times != nullptr ? std::atoi(times) : 10); ++i)
    failovers.RunOne(fault, &waits);
  std::ranges::sort(waits);
  const std::string name = fault == Fault::kKill ? "failover_kill" : "failover_pause";
  runner.Report({.name = name + "_p50",
                 .unit = "ms",
                 .bound = bounds.p50_ms,
                 .measured = waits[waits.size() / 2]});
  runner.Report({.name = name + "_p99",
                 .unit = "ms",
                 .bound = bounds.p99_ms,
                 .measured = waits[waits.size() * 99 / 100]});
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  using namespace raftmq::bench;
  Runner runner(argc, argv);
  Failovers failovers;
  runner.Report(
      {.name = "failover_load", .unit = "MB/s", .measured = failovers.bytes_per_second() / 1e6});
  Measure(runner, failovers, Fault::kKill, {.p50_ms = 150, .p99_ms = 500});
  Measure(runner, failovers, Fault::kPause, {.p99_ms = 2000});
  return 0;
}
