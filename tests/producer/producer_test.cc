#include "raftmq/producer.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <thread>

#include "producer/partitioner.h"
#include "tests/producer/producer_fixture.h"

namespace raftmq::testing {
namespace {

TEST(Producer, SendsAndTellsWhereItWent) {
  FakeBroker broker;
  broker.AddTopic("orders", 2);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto receipt = producer.Send(Text("hello", 1)).Get(kLong);
    ASSERT_TRUE(receipt.has_value()) << receipt.error().ToString();
    EXPECT_EQ(receipt->partition, 1u);
    EXPECT_EQ(receipt->offset, i);
    EXPECT_EQ(receipt->timestamp_ms, 5000);
  }
  EXPECT_EQ(broker.Values("orders", 1).size(), 3u);
}

TEST(Producer, FillsBatchesByBytes) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.linger = std::chrono::hours(1);
  config.batch_bytes = 1000;
  Producer producer = Create(client, config);
  Outcomes outcomes;
  for (int i = 0; i < 40; ++i) producer.Send(Text(std::string(100, 'x')), outcomes.Next());
  ASSERT_TRUE(producer.Flush(kLong).has_value());
  EXPECT_EQ(outcomes.acked(), 40);
  const auto sizes = broker.BatchSizes("orders", 0);
  ASSERT_EQ(sizes.size(), 5u);
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) EXPECT_EQ(sizes[i], 8u);
}

TEST(Producer, SendsWhatHasLingered) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.linger = std::chrono::milliseconds(20);
  Producer producer = Create(client, config);
  std::vector<Future<SendReceipt>> futures;
  for (int i = 0; i < 10; ++i) futures.push_back(producer.Send(Text("x")));
  for (const auto& future : futures) EXPECT_TRUE(future.Get(kLong).has_value());
  EXPECT_LE(broker.BatchSizes("orders", 0).size(), 2u);  // 2 if this thread was held up.
}

TEST(Producer, KeepsTheOrderOfSending) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.batch_bytes = 500;
  Producer producer = Create(client, config);
  Outcomes outcomes;
  for (const std::string& value : Numbered(2000)) producer.Send(Text(value), outcomes.Next());
  ASSERT_TRUE(producer.Flush(kLong).has_value());
  EXPECT_EQ(broker.Values("orders", 0), Numbered(2000));
  EXPECT_TRUE(outcomes.EachExactlyOnce());
  for (std::uint64_t i = 0; i < 2000; ++i) EXPECT_EQ(outcomes.results()[i]->offset, i);
}

TEST(Producer, PlacesKeysAsKafkaDoes) {
  FakeBroker broker;
  broker.AddTopic("orders", 8);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  for (const std::string& key : Numbered(20)) {
    const auto receipt = producer.Send({.key = key, .value = "v"}).Get(kLong);
    ASSERT_TRUE(receipt.has_value());
    EXPECT_EQ(receipt->partition, internal::PartitionOfKey(key, 8));
  }
}

TEST(Producer, StaysWithAPartitionUntilItsBatchIsComplete) {
  FakeBroker broker;
  broker.AddTopic("orders", 3);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.linger = std::chrono::hours(1);
  Producer producer = Create(client, config);
  std::set<std::uint32_t> partitions;
  for (int round = 0; round < 3; ++round) {
    std::vector<Future<SendReceipt>> futures;
    for (int i = 0; i < 5; ++i) futures.push_back(producer.Send(Text("x", std::nullopt)));
    ASSERT_TRUE(producer.Flush(kLong).has_value());
    const std::uint32_t first = futures[0].Get(kLong)->partition;
    for (const auto& future : futures) EXPECT_EQ(future.Get(kLong)->partition, first);
    partitions.insert(first);
  }
  EXPECT_EQ(partitions.size(), 3u);
}

TEST(Producer, CompressesBatches) {
  for (const Compression compression : {Compression::kLz4, Compression::kZstd}) {
    FakeBroker broker;
    broker.AddTopic("orders", 1);
    Client client = ConnectTo(broker);
    ProducerConfig config = NoLinger();
    config.linger = std::chrono::hours(1);
    config.compression = compression;
    Producer producer = Create(client, config);
    Outcomes outcomes;
    for (const std::string& value : Numbered(500)) producer.Send(Text(value), outcomes.Next());
    ASSERT_TRUE(producer.Flush(kLong).has_value());
    EXPECT_EQ(broker.Values("orders", 0), Numbered(500));
  }
}

TEST(Producer, SendsMessagesAboveTheBatchSizeAlone) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.batch_bytes = 1000;
  Producer producer = Create(client, config);
  EXPECT_TRUE(producer.Send(Text(std::string(100'000, 'x'))).Get(kLong).has_value());
}

TEST(Producer, RefusesMessagesAboveTheBrokersLimit) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  const auto outcome = producer.Send(Text(std::string(9u << 20, 'x'))).Get(kLong);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::kBatchTooLarge);
  EXPECT_TRUE(producer.Send(Text("small")).Get(kLong).has_value());
}

TEST(Producer, RefusesPartitionsThatAreNotThere) {
  FakeBroker broker;
  broker.AddTopic("orders", 2);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  EXPECT_EQ(producer.Send(Text("x", 2)).Get(kLong).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Producer::Create(client, NoLinger("bills")).error().code, ErrorCode::kTopicNotFound);
}

TEST(Producer, FailsAtTheMemoryBoundUnderFail) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.memory_bytes = 1000;
  config.when_full = WhenFull::kFail;
  Producer producer = Create(client, config);
  broker.SetHook(FaultAlways<wire::ProduceRequest>({.what = What::kHold}));
  Outcomes outcomes;
  for (int i = 0; i < 20; ++i) producer.Send(Text(std::string(100, 'x')), outcomes.Next());
  const int refused = outcomes.Count(ErrorCode::kQueueFull);
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 20);
  broker.Release();
  ASSERT_TRUE(producer.Flush(kLong).has_value());
  EXPECT_EQ(outcomes.acked(), 20 - refused);
  EXPECT_EQ(producer.stats().bytes_queued, 0u);
}

TEST(Producer, BlocksAtTheMemoryBoundUnderBlock) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.memory_bytes = 1000;
  config.linger = std::chrono::hours(1);  // A full memory is sent without waiting for it.
  Producer producer = Create(client, config);
  broker.SetHook(FaultAlways<wire::ProduceRequest>({.what = What::kHold}));
  Outcomes outcomes;
  std::atomic<int> sent{0};
  std::thread sender([&] {
    for (int i = 0; i < 100; ++i) {
      producer.Send(Text(std::string(100, 'x')), outcomes.Next());
      ++sent;
    }
  });
  while (broker.held() == 0) std::this_thread::yield();
  EXPECT_LT(sent, 10);
  broker.Release();
  sender.join();
  ASSERT_TRUE(producer.Flush(kLong).has_value());
  EXPECT_EQ(outcomes.acked(), 100);
}

TEST(Producer, WaitingForMemoryEndsWithTheDeliveryTimeout) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.memory_bytes = 1000;
  config.delivery_timeout = std::chrono::milliseconds(30);
  Producer producer = Create(client, config);
  broker.SetHook(FaultAlways<wire::ProduceRequest>({.what = What::kHold}));
  Outcomes outcomes;
  for (int i = 0; i < 30; ++i) producer.Send(Text(std::string(100, 'x')), outcomes.Next());
  (void)producer.Flush(kLong);
  EXPECT_GT(outcomes.Count(ErrorCode::kTimeout), 0);
  EXPECT_TRUE(outcomes.EachExactlyOnce());
}

TEST(Producer, AcksNoneTellsWhenTheBytesHaveLeft) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.acks = ProducerAcks::kNone;
  Producer producer = Create(client, config);
  EXPECT_TRUE(producer.Send(Text("fire and forget")).Get(kLong).has_value());
  // Handled in order on the same connection.
  ASSERT_TRUE(client.Describe().has_value());
  EXPECT_EQ(broker.Values("orders", 0).size(), 1u);
}

// The two share a connection: a broker closes it at a frame that is too large.
TEST(Producer, AcksNoneAboveTheBrokersLimitFailsAlone) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer quorum = Create(client, NoLinger());
  ProducerConfig config = NoLinger();
  config.acks = ProducerAcks::kNone;
  Producer none = Create(client, config);

  broker.SetHook(FaultAt<wire::ProduceRequest>({1}, {.what = What::kHold}));
  const auto in_flight = quorum.Send(Text("in flight"));
  while (broker.held() == 0) std::this_thread::yield();
  const auto large = none.Send(Text(std::string(9u << 20, 'x'))).Get(kLong);
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().code, ErrorCode::kBatchTooLarge);
  EXPECT_TRUE(none.Send(Text("small")).Get(kLong).has_value());
  broker.Release();
  EXPECT_TRUE(in_flight.Get(kLong).has_value());
  EXPECT_EQ(quorum.stats().retries, 0u);
}

// What is sent before the hello is answered waits; only then is the limit known.
TEST(Producer, AcksNoneAboveTheBrokersLimitFailsAloneAfterTheHello) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer quorum = Create(client, NoLinger());
  ProducerConfig config = NoLinger();
  config.acks = ProducerAcks::kNone;
  Producer none = Create(client, config);

  broker.SetHook(FaultAlways<wire::HelloRequest>({.what = What::kHold}));
  broker.DropConnections();
  const auto waiting = quorum.Send(Text("waiting"));
  while (broker.held() == 0) std::this_thread::yield();
  const auto large = none.Send(Text(std::string(9u << 20, 'x')));
  while (none.stats().batches == 0) std::this_thread::yield();
  broker.SetHook({});
  broker.Release();
  const auto outcome = large.Get(kLong);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::kBatchTooLarge);
  EXPECT_TRUE(waiting.Get(kLong).has_value());
  EXPECT_LE(quorum.stats().retries, 1u);  // For the connection that was dropped here.
  EXPECT_EQ(none.stats().retries, 0u);
}

TEST(Producer, ManyThreadsShareOneProducer) {
  FakeBroker broker;
  broker.AddTopic("orders", 3);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.batch_bytes = 2000;
  config.memory_bytes = 20'000;
  Producer producer = Create(client, config);
  std::atomic<int> acked{0};
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        producer.Send(Text("x", t % 3),
                      [&](const Result<SendReceipt>& outcome) { acked += outcome ? 1 : 0; });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(producer.Flush(kLong).has_value());
  EXPECT_EQ(acked, 2000);
  EXPECT_EQ(producer.stats().acked, 2000u);
  EXPECT_EQ(producer.stats().sent, 2000u);
}

TEST(ProducerConfig, ReadsTextAndRefusesSlips) {
  const auto config = ProducerConfig::FromMap({{"topic", "orders"},
                                               {"acks", "leader-memory"},
                                               {"compression", "zstd"},
                                               {"batch_bytes", "64KiB"},
                                               {"linger", "0"},
                                               {"when_full", "fail"}});
  ASSERT_TRUE(config.has_value()) << config.error().ToString();
  EXPECT_EQ(config->acks, ProducerAcks::kLeaderMemory);
  EXPECT_EQ(config->batch_bytes, 65536u);
  EXPECT_EQ(config->when_full, WhenFull::kFail);
  EXPECT_EQ(ProducerConfig::FromMap({{"acks", "all"}}).error().code, ErrorCode::kBadConfig);
}

}  // namespace
}  // namespace raftmq::testing
