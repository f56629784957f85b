// A producer and a consumer while connections break at random: nothing acked is missing, first
// copies are in order, and the consumer reads exactly the log.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>

#include "raftmq/consumer.h"
#include "raftmq/producer.h"
#include "tests/client/client_fixture.h"

namespace raftmq::testing {
namespace {

constexpr std::uint32_t kPartitions = 3;
constexpr int kPerPartition = 3000;

std::uint64_t Seed() {
  const char* const given = std::getenv("RAFTMQ_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

// One request in `one_in` breaks its connection, before or after it has taken effect; fetches are
// refused now and then.
FakeBroker::Hook RandomFaults(std::uint64_t seed, std::uint64_t one_in) {
  return [random = std::mt19937_64(seed), one_in](const wire::Message& message) mutable {
    FakeBroker::Verdict verdict;
    if (random() % one_in != 0) return verdict;
    const bool is_fetch = std::holds_alternative<wire::FetchRequest>(message.body);
    switch (random() % 3) {
      case 0:
        verdict.what = What::kDropBefore;
        break;
      case 1:
        verdict.what = What::kDropAfter;
        break;
      default:
        if (!is_fetch) break;
        verdict = {.what = What::kFail, .error = {.error = {ErrorCode::kNotYet, "by chance"}}};
    }
    return verdict;
  };
}

void Produce(const Client& client) {
  ProducerConfig config;
  config.topic = "orders";
  config.linger = std::chrono::milliseconds(0);
  config.batch_bytes = 300;
  config.memory_bytes = 20'000;
  auto producer = Producer::Create(client, config);
  ASSERT_TRUE(producer.has_value()) << producer.error().ToString();
  std::atomic<int> acked{0};
  for (const std::string& value : Numbered(kPerPartition)) {
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      producer->Send({.value = value, .partition = p},
                     [&](const Result<SendReceipt>& outcome) { acked += outcome ? 1 : 0; });
    }
  }
  EXPECT_TRUE(producer->Close(std::chrono::seconds(60)).has_value());
  EXPECT_EQ(acked, kPerPartition * static_cast<int>(kPartitions));
}

TEST(RandomFaults, NothingIsLostReorderedStoredTwiceOrReadTwice) {
  const std::uint64_t seed = Seed();
  SCOPED_TRACE("RAFTMQ_TEST_SEED=" + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  std::printf("RAFTMQ_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  FakeBroker broker;
  broker.AddTopic("orders", kPartitions);
  Client client = ConnectTo(broker);
  auto consumer = Consumer::Create(client, {.topic = "orders"});
  ASSERT_TRUE(consumer.has_value());
  broker.SetHook(RandomFaults(seed, 25));

  std::vector<std::vector<std::string>> read(kPartitions);
  std::thread reader([&] {
    const Status status = consumer->Consume(
        [&](const MessageBatch& batch) {
          for (const MessageView& message : batch.messages) {
            EXPECT_EQ(message.offset, read[batch.partition].size());
            read[batch.partition].emplace_back(*message.value);
          }
        },
        2);
    EXPECT_TRUE(status.has_value());
  });
  Produce(client);
  broker.SetHook(nullptr);
  const auto ends = consumer->Ends();
  ASSERT_TRUE(ends.has_value());
  const auto is_done = [&] {
    const auto positions = consumer->Positions();
    return std::ranges::all_of(positions, [&](const Consumer::Position& position) {
      return position.next_offset >= (*ends)[position.partition].end;
    });
  };
  while (!is_done()) std::this_thread::yield();
  consumer->Stop();
  reader.join();

  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    const std::vector<std::string> stored = broker.Values("orders", p);
    EXPECT_EQ(stored, Numbered(kPerPartition));
    EXPECT_EQ(read[p], stored);
  }
}

}  // namespace
}  // namespace raftmq::testing
