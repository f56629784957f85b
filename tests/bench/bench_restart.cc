// A broker killed with -9 under load, and how long its successor takes until it serves: from exec
// to the ready line and to the last message acked before, read back. With half a GiB and with
// RAFTMQ_BENCH_RESTART_GIB (default 2) in the log, with a warm page cache and, as root, with
// dropped caches. Then with 1,000 partitions that hold a message each, until every one of them has
// taken another.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "protocol/types/check.h"
#include "raftmq/consumer.h"
#include "raftmq/producer.h"
#include "tests/bench/bench.h"
#include "tests/bench/scratch_directory.h"
#include "tests/broker/broker_process.h"

namespace raftmq::bench {
namespace {

constexpr std::chrono::seconds kLong{120};
constexpr std::size_t kRecordBytes = 1024;
constexpr std::uint64_t kRecordsBeforeKill = 64u << 10;
constexpr int kRestarts = 3;

Client ConnectTo(const testing::BrokerProcess& broker) {
  ClientConfig config;
  config.brokers = {broker.client().ToString()};
  auto client = Client::Connect(config);
  RAFTMQ_CHECK(client.has_value());
  return *client;
}

// Sends `bytes` and returns the highest acked offset.
std::uint64_t Fill(const Client& client, std::uint64_t bytes) {
  auto producer = Producer::Create(client, {.topic = "log"});
  RAFTMQ_CHECK(producer.has_value());
  std::uint64_t last = 0;  // Written on one thread, read after Close.
  for (std::uint64_t sent = 0; sent < bytes; sent += kRecordBytes) {
    Message message;
    message.value.emplace(kRecordBytes, 'x');
    producer->Send(std::move(message), [&last](const Result<SendReceipt>& outcome) {
      RAFTMQ_CHECK(outcome.has_value());
      last = outcome->offset;
    });
  }
  RAFTMQ_CHECK(producer->Close(kLong).has_value());
  return last;
}

// Kills the broker while messages are under way; returns the highest acked offset.
std::uint64_t KillUnderLoad(const testing::BrokerProcess& broker, std::uint64_t last) {
  const Client client = ConnectTo(broker);
  ProducerConfig config{.topic = "log"};
  config.delivery_timeout = std::chrono::milliseconds(100);
  auto producer = Producer::Create(client, config);
  RAFTMQ_CHECK(producer.has_value());
  for (std::uint64_t i = 0; i < kRecordsBeforeKill; ++i) {
    Message message;
    message.value.emplace(kRecordBytes, 'x');
    producer->Send(std::move(message), [&last](const Result<SendReceipt>& outcome) {
      if (outcome) last = outcome->offset;
    });
  }
  broker.Signal(SIGKILL);
  (void)producer->Close(kLong);
  return last;
}

// Seconds from exec until the message at `offset` has been read from the new broker.
double Restart(const testing::BrokerProcess::Options& options, std::uint64_t offset,
               std::optional<testing::BrokerProcess>* broker) {
  const auto start = std::chrono::steady_clock::now();
  broker->emplace(options);
  RAFTMQ_CHECK((*broker)->IsReady());
  ConsumerConfig config{.topic = "log"};
  config.start = StartPosition::At(offset);
  auto consumer = Consumer::Create(ConnectTo(**broker), config);
  RAFTMQ_CHECK(consumer.has_value());
  const auto batch = consumer->Poll(kLong);
  RAFTMQ_CHECK(batch.has_value() && !batch->messages.empty());
  RAFTMQ_CHECK(batch->messages[0].offset == offset);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void DropCaches() {
  sync();
  std::ofstream("/proc/sys/vm/drop_caches") << "3\n";
}

void Measure(Runner& runner, const std::string& label, std::uint64_t bytes) {
  const ScratchDirectory scratch;
  const testing::BrokerProcess::Options options{.data_directory = scratch.path() + "/broker"};
  std::optional<testing::BrokerProcess> broker(options);
  RAFTMQ_CHECK(broker->IsReady());
  Client client = ConnectTo(*broker);
  RAFTMQ_CHECK(client.CreateTopic("log", 1).has_value());
  std::uint64_t last = Fill(client, bytes);
  for (const bool cold : {false, true}) {
    if (cold && geteuid() != 0) {
      fmt::print(stderr, "bench_restart: SKIPPED dropped caches: they need root\n");
      continue;
    }
    double worst = 0;
    double cpu = 0;
    for (int i = 0; i < kRestarts; ++i) {
      last = KillUnderLoad(*broker, last);
      broker->WaitForExit(kLong);
      if (cold) DropCaches();
      worst = std::max(worst, Restart(options, last, &broker));
      cpu = std::max(cpu, CpuSecondsOf(broker->pid()));
    }
    runner.Report({.name = fmt::format("restart_{}_{}", label, cold ? "dropped_caches" : "warm"),
                   .unit = "s",
                   .bound = cold ? 0.0 : 1.0,
                   .measured = worst});
    runner.Report(
        {.name = fmt::format("restart_{}_{}_cpu", label, cold ? "dropped_caches" : "warm"),
         .unit = "cpu_s",
         .measured = cpu});
  }
}

void SendToEach(const Client& client, std::uint32_t partitions) {
  auto producer = Producer::Create(client, {.topic = "log"});
  RAFTMQ_CHECK(producer.has_value());
  for (std::uint32_t partition = 0; partition < partitions; ++partition) {
    Message message;
    message.value = "one";
    message.partition = partition;
    producer->Send(std::move(message),
                   [](const Result<SendReceipt>& outcome) { RAFTMQ_CHECK(outcome.has_value()); });
  }
  RAFTMQ_CHECK(producer->Close(kLong).has_value());
}

void MeasurePartitions(Runner& runner, std::uint32_t partitions) {
  const ScratchDirectory scratch;
  const testing::BrokerProcess::Options options{.data_directory = scratch.path() + "/broker"};
  std::optional<testing::BrokerProcess> broker(options);
  RAFTMQ_CHECK(broker->IsReady());
  RAFTMQ_CHECK(ConnectTo(*broker).CreateTopic("log", partitions).has_value());
  SendToEach(ConnectTo(*broker), partitions);
  double ready = 0;
  double serving = 0;
  for (int i = 0; i < kRestarts; ++i) {
    broker->Signal(SIGKILL);
    broker->WaitForExit(kLong);
    const auto start = std::chrono::steady_clock::now();
    const auto seconds = [start] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    broker.emplace(options);
    RAFTMQ_CHECK(broker->IsReady());
    ready = std::max(ready, seconds());
    SendToEach(ConnectTo(*broker), partitions);
    serving = std::max(serving, seconds());
  }
  runner.Report({.name = fmt::format("restart_{}_partitions_ready", partitions),
                 .unit = "s",
                 .bound = 3,
                 .measured = ready});
  runner.Report({.name = fmt::format("restart_{}_partitions_serving", partitions),
                 .unit = "s",
                 .bound = 3,
                 .measured = serving});
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  using namespace raftmq::bench;
  Runner runner(argc, argv);
  const char* gib_text = std::getenv("RAFTMQ_BENCH_RESTART_GIB");
  const std::uint64_t gib = gib_text == nullptr ? 2 : std::strtoull(gib_text, nullptr, 10);
  Measure(runner, "0.5GiB", 512u << 20);
  Measure(runner, fmt::format("{}GiB", gib), gib << 30);
  MeasurePartitions(runner, 1'000);
  return 0;
}
