// What idempotence costs: three raftmqd and one client that sends 1 KiB messages as fast as they
// go, every batch synced on two of three before it is acked; with and without sessions, in turns.
#include <algorithm>
#include <cstdint>
#include <string>

#include "protocol/types/check.h"
#include "raftmq/client.h"
#include "raftmq/producer.h"
#include "tests/bench/bench.h"
#include "tests/bench/sending.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::bench {
namespace {

constexpr std::uint64_t kRecords = 128u << 10;  // Of each turn.
constexpr std::size_t kRecordBytes = 1024;
constexpr double kRatioMin = 0.97;
constexpr int kRounds = 15;  // The difference is smaller than the noise of five.

// `batch_bytes`: small batches cost the most, a session's share of each being the same.
void Measure(Runner& runner, const testing::ClusterProcess& cluster, const Client& client,
             const std::string& name, std::size_t batch_bytes) {
  const auto send = [&client, name, batch_bytes](bool idempotence) {
    return Send(
        client,
        ProducerConfig{.topic = name, .batch_bytes = batch_bytes, .idempotence = idempotence},
        kRecords, kRecordBytes);
  };
  const auto other_cpu_seconds = [&cluster] {
    double seconds = 0;
    for (const NodeId node : cluster.Running())
      seconds += CpuSecondsOf(cluster.process(node).pid());
    return seconds;
  };
  runner.Compare({.name = name,
                  .target = kRatioMin,
                  .baseline = [&send] { return send(false); },
                  .measured = [&send] { return send(true); },
                  .seconds_per_turn = 0.5,
                  .rounds = kRounds,
                  .other_cpu_seconds = other_cpu_seconds});
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  using namespace raftmq;
  bench::Runner runner(argc, argv);
  const testing::ClusterProcess cluster;
  auto client = Client::Connect({.brokers = cluster.brokers()});
  RAFTMQ_CHECK(client.has_value());
  for (const auto& [name, batch_bytes] :
       {std::pair<std::string, std::size_t>{"idempotence", 1u << 20},
        {"idempotence_16KiB_batches", 16u << 10}}) {
    RAFTMQ_CHECK(client->CreateTopic(name, 1, 3, {{"retention.bytes", "1GiB"}}).has_value());
    cluster.WaitForLeader(name);
    bench::Measure(runner, cluster, *client, name, batch_bytes);
  }
  return 0;
}
