// One producer and one raftmqd on its disk, every message synced before it is acked.
// - end_to_end_1KiB: payload bytes per second against a bare loop of direct writes of 64 KiB with a
//   sync per 1 MiB; and the bytes that the log takes per byte of payload.
// - end_to_end_100B: small messages with a consumer reading along on the same processors.
// CPU seconds are those of broker and clients together.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "protocol/types/check.h"
#include "raftmq/consumer.h"
#include "tests/bench/bare_appends.h"
#include "tests/bench/bench.h"
#include "tests/bench/scratch_directory.h"
#include "tests/bench/sending.h"
#include "tests/broker/broker_process.h"

namespace raftmq::bench {
namespace {

constexpr std::chrono::seconds kLong{60};
constexpr std::uint64_t kBytesPerTurn = 1u << 30;
constexpr std::uint64_t kSmallRecords = 20'000'000;
constexpr const char* kRetention = "2GiB";

class Setup {
 public:
  Setup() : broker_({.data_directory = scratch_.path() + "/broker"}) {
    RAFTMQ_CHECK(broker_.IsReady());
    ClientConfig config;
    config.brokers = {broker_.client().ToString()};
    auto client = Client::Connect(config);
    RAFTMQ_CHECK(client.has_value());
    client_ = *client;
  }
  void CreateTopic(const std::string& name) {
    RAFTMQ_CHECK(client_->CreateTopic(name, 1, 0, {{"retention.bytes", kRetention}}).has_value());
  }
  PartitionDescription Describe(const std::string& topic) {
    const auto description = client_->Describe({topic});
    RAFTMQ_CHECK(description.has_value());
    return description->topics.at(0).partitions.at(0);
  }
  const Client& client() const { return *client_; }
  const testing::BrokerProcess& broker() const { return broker_; }
  const std::string& directory() const { return scratch_.path(); }

 private:
  ScratchDirectory scratch_;
  testing::BrokerProcess broker_;
  std::optional<Client> client_;
};

void Measure1KiB(Runner& runner, Setup& setup) {
  setup.CreateTopic("kilobytes");
  BareAppends bare(setup.directory());
  const std::uint64_t records = kBytesPerTurn >> 10;
  runner.Compare({.name = "end_to_end_1KiB",
                  .target = 0.6,
                  .baseline = [&bare] { return bare.AppendAndSync(); },
                  .measured = [&] { return Send(setup.client(), "kilobytes", records, 1024); },
                  .seconds_per_turn = 1.5,
                  .other_cpu_seconds = [&] { return CpuSecondsOf(setup.broker().pid()); }});

  setup.CreateTopic("sized");  // Less than retention: every byte is still there.
  const std::uint64_t payload = Send(setup.client(), "sized", records, 1024);
  runner.Report({.name = "disk_bytes_per_payload_byte",
                 .unit = "bytes",
                 .bound = 1.02,
                 .measured = static_cast<double>(setup.Describe("sized").size_bytes) /
                             static_cast<double>(payload)});
}

void Measure100B(Runner& runner, Setup& setup) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration time) {
    return std::chrono::duration<double>(time).count();
  };
  setup.CreateTopic("small");
  const double cpu_before = CpuSeconds() + CpuSecondsOf(setup.broker().pid());
  const auto start = Clock::now();
  Clock::time_point read_all;
  std::thread reading([&] {
    auto consumer = Consumer::Create(setup.client(), {.topic = "small"});
    RAFTMQ_CHECK(consumer.has_value());
    for (std::uint64_t read = 0; read < kSmallRecords;) {
      const auto batch = consumer->Poll(kLong);
      RAFTMQ_CHECK(batch.has_value() && !batch->messages.empty());
      read += batch->messages.size();
    }
    read_all = Clock::now();
  });
  const std::uint64_t payload = Send(setup.client(), "small", kSmallRecords, 100);
  const auto acked_all = Clock::now();
  reading.join();
  const double cpu = CpuSeconds() + CpuSecondsOf(setup.broker().pid()) - cpu_before;
  runner.Report({.name = "end_to_end_100B_with_consumer",
                 .unit = "records/s",
                 .bound = 1e6,
                 .at_most = false,
                 .measured = static_cast<double>(kSmallRecords) / seconds(acked_all - start)});
  runner.Report({.name = "end_to_end_100B_consumer_behind",
                 .unit = "ms",
                 .measured = seconds(read_all - acked_all) * 1e3});
  runner.Report({.name = "end_to_end_100B_cpu",
                 .unit = "cpu_s_per_GB",
                 .measured = cpu / (static_cast<double>(payload) / 1e9)});
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  using namespace raftmq::bench;
  Runner runner(argc, argv);
  Setup setup;
  Measure1KiB(runner, setup);
  Measure100B(runner, setup);
  return 0;
}
