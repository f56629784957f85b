// Three raftmqd and one client against the bare relay, on the same disk and in the same run; one
// partition, every message synced on two of three before it is acked.
// - cluster_produce: 1 KiB messages as fast as they go; CPU seconds are those of brokers and the
//   client.
// - cluster_latency_p50: one message at a time.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types/check.h"
#include "raftmq/client.h"
#include "raftmq/producer.h"
#include "tests/bench/bench.h"
#include "tests/bench/relay/relay.h"
#include "tests/bench/scratch_directory.h"
#include "tests/bench/sending.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::bench {
namespace {

constexpr const char* kTopic = "replicated";
constexpr std::size_t kBatchBytes = 1u << 20;  // Of the producer, by default, like the next.
constexpr std::size_t kBatchesInFlight = 5;
constexpr std::uint64_t kBytesPerTurn = 256u << 20;
constexpr std::size_t kRecordBytes = 1024;
constexpr int kLatencyRounds = 5;
constexpr int kMessagesPerRound = 500;

class Setup {
 public:
  Setup()
      : batches_(scratch_.path(), kBatchBytes),  // Before there are threads.
        messages_(scratch_.path(), kRecordBytes),
        cluster_(std::in_place) {
    auto client = Client::Connect({.brokers = cluster_->brokers()});
    RAFTMQ_CHECK(client.has_value());
    client_ = *client;
    RAFTMQ_CHECK(client_->CreateTopic(kTopic, 1, 3, {{"retention.bytes", "2GiB"}}).has_value());
    cluster_->WaitForLeader(kTopic);
  }
  Relay& batches() { return batches_; }
  Relay& messages() { return messages_; }
  const Client& client() const { return *client_; }
  double BrokersCpuSeconds() const {
    double seconds = 0;
    for (const NodeId node : cluster_->Running())
      seconds += CpuSecondsOf(cluster_->process(node).pid());
    return seconds;
  }

 private:
  const ScratchDirectory scratch_;
  Relay batches_;
  Relay messages_;
  std::optional<testing::ClusterProcess> cluster_;
  std::optional<Client> client_;
};

void MeasureProduce(Runner& runner, Setup& setup) {
  runner.Compare(
      {.name = "cluster_produce",
       .target = 0.5,
       .baseline =
           [&] { return setup.batches().Send(kBytesPerTurn / kBatchBytes, kBatchesInFlight); },
       .measured =
           [&] { return Send(setup.client(), kTopic, kBytesPerTurn / kRecordBytes, kRecordBytes); },
       .seconds_per_turn = 1,
       .other_cpu_seconds = [&] { return setup.BrokersCpuSeconds(); }});
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Of calls one after the other, in microseconds.
template <class Call>
double MedianTime(const Call& call) {
  std::vector<double> times;
  for (int i = 0; i < kMessagesPerRound; ++i) {
    const auto start = std::chrono::steady_clock::now();
    call();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    times.push_back(took.count());
  }
  return Median(std::move(times));
}

void MeasureLatency(Runner& runner, Setup& setup) {
  auto producer =
      Producer::Create(setup.client(), {.topic = kTopic, .linger = std::chrono::milliseconds(0)});
  RAFTMQ_CHECK(producer.has_value());
  const auto send_one = [&] {
    Message message;
    message.value.emplace(kRecordBytes, 'x');
    RAFTMQ_CHECK(producer->Send(std::move(message)).Get(std::chrono::seconds(60)).has_value());
  };
  std::vector<double> bare, measured;
  for (int round = 0; round < kLatencyRounds; ++round) {
    bare.push_back(MedianTime([&] { setup.messages().Send(1, 1); }));
    measured.push_back(MedianTime(send_one));
  }
  runner.Report({.name = "cluster_latency_p50",
                 .unit = "us",
                 .bound = 2 * Median(bare),
                 .measured = Median(measured)});
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  using namespace raftmq::bench;
  Runner runner(argc, argv);
  Setup setup;
  MeasureProduce(runner, setup);
  MeasureLatency(runner, setup);
  return 0;
}
