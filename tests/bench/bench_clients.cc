// What the client library costs: records of 100 bytes through a producer with a callback each, and
// through a consumer, against a broker in the same process that does next to nothing. The figure is
// records per second of processor time, of all threads together, kernel and broker included: what
// one core can do.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/types/check.h"
#include "raftmq/consumer.h"
#include "raftmq/producer.h"
#include "tests/bench/bench.h"
#include "tests/client/fake_broker.h"

namespace raftmq::bench {
namespace {

constexpr std::chrono::seconds kLong{60};
constexpr std::size_t kRecordBytes = 100;
constexpr std::uint64_t kRecords = 3'000'000;

Client ConnectTo(const testing::FakeBroker& broker) {
  ClientConfig config;
  config.brokers = {broker.bootstrap()};
  auto client = Client::Connect(config);
  RAFTMQ_CHECK(client.has_value());
  return *client;
}

void MeasureProducer(Runner& runner) {
  testing::FakeBroker broker;
  broker.AddTopic("bench", 1);
  broker.Discard();
  Client client = ConnectTo(broker);
  auto producer = Producer::Create(client, {.topic = "bench"});
  RAFTMQ_CHECK(producer.has_value());
  std::uint64_t acked = 0;  // Counted on one thread, read after Close.
  const double before = CpuSeconds();
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    Message message;
    message.value.emplace(kRecordBytes, 'x');
    producer->Send(std::move(message),
                   [&acked](const Result<SendReceipt>& outcome) { acked += outcome ? 1 : 0; });
  }
  RAFTMQ_CHECK(producer->Close(kLong).has_value());
  RAFTMQ_CHECK(acked == kRecords);
  runner.Report({.name = "producer_100B_callbacks",
                 .unit = "records/cpu_s",
                 .bound = 1e6,
                 .at_most = false,
                 .measured = static_cast<double>(kRecords) / (CpuSeconds() - before)});
}

void MeasureConsumer(Runner& runner) {
  testing::FakeBroker broker;
  broker.AddTopic("bench", 1);
  const std::vector<std::string> values(8000, std::string(kRecordBytes, 'x'));
  const std::uint64_t batches = kRecords / values.size() / 4;
  for (std::uint64_t i = 0; i < batches; ++i) broker.Append("bench", 0, values);
  Client client = ConnectTo(broker);
  const double before = CpuSeconds();
  auto consumer = Consumer::Create(client, {.topic = "bench"});
  RAFTMQ_CHECK(consumer.has_value());
  std::uint64_t read = 0;
  while (read < batches * values.size()) {
    const auto batch = consumer->Poll(kLong);
    RAFTMQ_CHECK(batch.has_value());
    read += batch->messages.size();
  }
  runner.Report({.name = "consumer_100B_polled",
                 .unit = "records/cpu_s",
                 .bound = 1e6,
                 .at_most = false,
                 .measured = static_cast<double>(read) / (CpuSeconds() - before)});
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  raftmq::bench::Runner runner(argc, argv);
  raftmq::bench::MeasureProducer(runner);
  raftmq::bench::MeasureConsumer(runner);
  return 0;
}
