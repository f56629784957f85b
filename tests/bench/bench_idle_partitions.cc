// What partitions cost that nobody uses: three brokers, a topic of 1,000 partitions with a replica
// on each, some bytes in each partition, then nothing.
// - idle_partitions_cpu: the share of a core that the busiest broker takes.
// - idle_partitions_memory: anonymous memory of the largest broker per replica, beyond what it took
//   before there were partitions.
// - idle_partitions_create: seconds until all of them have leaders.
//
// RAFTMQ_BENCH_PARTITIONS: how many (1,000).
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "protocol/types/check.h"
#include "raftmq/client.h"
#include "raftmq/producer.h"
#include "tests/bench/bench.h"
#include "tests/broker/cluster_process.h"

namespace raftmq::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kTopic = "idle";
constexpr std::chrono::seconds kLong{120};
constexpr std::chrono::seconds kSettling{5};
constexpr std::chrono::seconds kWatched{10};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::uint64_t AnonymousBytes(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoull(line.substr(8)) * 1024;
  }
  return 0;
}

template <class Of>
std::map<NodeId, double> OfEach(const testing::ClusterProcess& cluster, const Of& of) {
  std::map<NodeId, double> figures;
  for (const NodeId node : testing::ClusterProcess::nodes())
    figures[node] = static_cast<double>(of(cluster.process(node).pid()));
  return figures;
}

double GreatestRise(const std::map<NodeId, double>& before, const std::map<NodeId, double>& after) {
  double greatest = 0;
  for (const auto& [node, figure] : after) greatest = std::max(greatest, figure - before.at(node));
  return greatest;
}

bool HasLeaders(Client& client) {
  const auto description = client.Describe({kTopic});
  if (!description || description->topics.empty()) return false;
  return std::ranges::all_of(description->topics.front().partitions,
                             [](const auto& partition) { return partition.leader != 0; });
}

void SendToEach(const Client& client, std::uint32_t partitions) {
  auto producer = Producer::Create(client, {.topic = kTopic});
  RAFTMQ_CHECK(producer.has_value());
  for (std::uint32_t p = 0; p < partitions; ++p) {
    Message message;
    message.value = "idle from now on";
    message.partition = p;
    producer->Send(std::move(message),
                   [](const Result<SendReceipt>& receipt) { RAFTMQ_CHECK(receipt); });
  }
  RAFTMQ_CHECK(producer->Close(kLong));
}

void Measure(Runner& runner, std::uint32_t partitions) {
  testing::ClusterProcess cluster;
  auto client = Client::Connect({.brokers = cluster.brokers(), .request_timeout = kLong});
  RAFTMQ_CHECK(client);
  const auto memory_before = OfEach(cluster, AnonymousBytes);
  const auto start = Clock::now();
  RAFTMQ_CHECK(client->CreateTopic(kTopic, partitions, 3));
  RAFTMQ_CHECK(testing::Becomes([&] { return HasLeaders(*client); }, kLong));
  runner.Report({.name = "idle_partitions_create", .unit = "s", .measured = SecondsSince(start)});
  SendToEach(*client, partitions);
  std::this_thread::sleep_for(kSettling);

  const auto cpu_before = OfEach(cluster, CpuSecondsOf);
  const auto watched_from = Clock::now();
  std::this_thread::sleep_for(kWatched);
  const double seconds = SecondsSince(watched_from);
  const double cpu = GreatestRise(cpu_before, OfEach(cluster, CpuSecondsOf));
  const double memory = GreatestRise(memory_before, OfEach(cluster, AnonymousBytes));
  runner.Report({.name = "idle_partitions_cpu",
                 .unit = "%_of_a_core",
                 .bound = 3,
                 .measured = cpu / seconds * 100});
  runner.Report({.name = "idle_partitions_memory",
                 .unit = "KiB_per_replica",
                 .bound = 128,
                 .measured = memory / partitions / 1024});
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  using namespace raftmq::bench;
  Runner runner(argc, argv);
  const char* const partitions = std::getenv("RAFTMQ_BENCH_PARTITIONS");
  Measure(runner,
          partitions != nullptr ? static_cast<std::uint32_t>(std::atoi(partitions)) : 1'000);
  return 0;
}
