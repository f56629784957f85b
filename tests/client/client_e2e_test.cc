// Producer and consumer against a real raftmqd.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "raftmq/consumer.h"
#include "raftmq/producer.h"
#include "tests/broker/broker_process.h"

namespace raftmq::testing {
namespace {

constexpr std::chrono::milliseconds kLong{30'000};

Client ConnectTo(const Address& broker) {
  ClientConfig config;
  config.brokers = {broker.ToString()};
  config.backoff_min = std::chrono::milliseconds(5);
  config.backoff_max = std::chrono::milliseconds(100);
  auto client = Client::Connect(config);
  EXPECT_TRUE(client.has_value()) << (client ? "" : client.error().ToString());
  return *client;
}

Producer Open(const Client& client, ProducerConfig config) {
  auto producer = Producer::Create(client, std::move(config));
  EXPECT_TRUE(producer.has_value()) << (producer ? "" : producer.error().ToString());
  return std::move(*producer);
}

Consumer Open(const Client& client, StartPosition start, const std::string& topic = "orders") {
  auto consumer = Consumer::Create(client, {.topic = topic, .start = start});
  EXPECT_TRUE(consumer.has_value()) << (consumer ? "" : consumer.error().ToString());
  return std::move(*consumer);
}

// Values by partition, up to the ends as they are now.
std::vector<std::vector<std::string>> ReadAll(const Client& client, std::uint32_t partitions) {
  std::vector<std::vector<std::string>> values(partitions);
  Consumer consumer = Open(client, StartPosition::Start());
  const auto ends = consumer.Ends();
  EXPECT_TRUE(ends.has_value());
  std::uint64_t left = 0;
  for (const auto& position : *ends) left += position.end - position.log_start;
  while (left > 0) {
    const auto batch = consumer.Poll(kLong);
    if (!batch || batch->messages.empty()) {
      ADD_FAILURE() << (batch ? "nothing came" : batch.error().ToString());
      break;
    }
    left -= batch->messages.size();
    for (const MessageView& message : batch->messages) {
      EXPECT_EQ(message.offset, values[message.partition].size());
      values[message.partition].emplace_back(*message.value);
    }
  }
  return values;
}

void Send(const Client& client, const std::vector<std::string>& values) {
  Producer producer = Open(client, {.topic = "orders"});
  for (const std::string& value : values) producer.Send({.value = value}, nullptr);
  EXPECT_TRUE(producer.Close(kLong).has_value());
}

std::vector<std::string> Take(Consumer& consumer, std::size_t count) {
  std::vector<std::string> values;
  while (values.size() < count) {
    const auto batch = consumer.Poll(kLong);
    if (!batch || batch->messages.empty()) {
      ADD_FAILURE() << (batch ? "nothing came" : batch.error().ToString());
      break;
    }
    for (const MessageView& message : batch->messages) values.emplace_back(*message.value);
  }
  return values;
}

std::string Value(int i) { return "value-" + std::to_string(i); }

class ClientEndToEnd : public ::testing::Test {
 protected:
  void Start(const Address& listen = {"127.0.0.1", 0}) {
    broker_.reset();
    BrokerProcess::Options options;
    options.data_directory = directory_.path() + "/data";
    options.listen = listen;
    broker_ = std::make_unique<BrokerProcess>(options);
    ASSERT_TRUE(broker_->IsReady()) << broker_->Stderr();
  }
  void KillAndStartAgain() {
    const Address address = broker_->client();
    broker_->Signal(SIGKILL);
    ASSERT_TRUE(broker_->WaitForExit(kLong).has_value());
    Start(address);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<BrokerProcess> broker_;
};

TEST_F(ClientEndToEnd, WhatIsSentIsReadInOrderWhateverTheCodec) {
  Start();
  Client client = ConnectTo(broker_->client());
  for (const Compression codec : {Compression::kNone, Compression::kLz4, Compression::kZstd}) {
    ASSERT_TRUE(client.CreateTopic("orders", 3).has_value());
    Producer producer = Open(client, {.topic = "orders", .compression = codec});
    std::atomic<int> acked{0};
    for (int i = 0; i < 30'000; ++i) {
      producer.Send({.value = Value(i / 3), .partition = static_cast<std::uint32_t>(i % 3)},
                    [&](const Result<SendReceipt>& outcome) { acked += outcome ? 1 : 0; });
    }
    ASSERT_TRUE(producer.Close(kLong).has_value());
    EXPECT_EQ(acked, 30'000);
    const auto values = ReadAll(client, 3);
    for (const auto& partition : values) {
      ASSERT_EQ(partition.size(), 10'000u);
      for (int i = 0; i < 10'000; ++i) ASSERT_EQ(partition[static_cast<std::size_t>(i)], Value(i));
    }
    ASSERT_TRUE(client.DeleteTopic("orders").has_value());
  }
}

TEST_F(ClientEndToEnd, EveryLevelOfAcksIsAnswered) {
  Start();
  Client client = ConnectTo(broker_->client());
  ASSERT_TRUE(client.CreateTopic("orders", 1).has_value());
  for (const ProducerAcks acks :
       {ProducerAcks::kQuorum, ProducerAcks::kLeaderMemory, ProducerAcks::kNone}) {
    Producer producer = Open(client, {.topic = "orders", .acks = acks});
    EXPECT_TRUE(producer.Send({.value = "x"}).Get(kLong).has_value());
  }
  Consumer consumer = Open(client, StartPosition::Start());
  std::size_t read = 0;
  while (read < 3) {
    const auto batch = consumer.Poll(kLong);
    ASSERT_TRUE(batch.has_value());
    ASSERT_FALSE(batch->messages.empty());
    read += batch->messages.size();
  }
}

TEST_F(ClientEndToEnd, ReadsTheTailAsItGrows) {
  Start();
  Client client = ConnectTo(broker_->client());
  ASSERT_TRUE(client.CreateTopic("orders", 1).has_value());
  Consumer consumer = Open(client, StartPosition::End());
  Producer producer = Open(client, {.topic = "orders", .linger = std::chrono::milliseconds(0)});
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(producer.Send({.value = Value(i)}).Get(kLong).has_value());
    const auto batch = consumer.Poll(kLong);
    ASSERT_TRUE(batch.has_value()) << batch.error().ToString();
    ASSERT_EQ(batch->messages.size(), 1u);
    EXPECT_EQ(batch->messages[0].value, Value(i));
  }
}

TEST_F(ClientEndToEnd, TrimmedPositionsAndTimesAreFound) {
  Start();
  Client client = ConnectTo(broker_->client());
  ASSERT_TRUE(client.CreateTopic("orders", 1).has_value());
  {
    Producer producer = Open(client, {.topic = "orders"});
    for (int i = 0; i < 100; ++i) {
      producer.Send({.value = Value(i), .timestamp_ms = 1000 + i}, nullptr);
    }
  }
  EXPECT_EQ(client.OffsetForTime("orders", 0, 1040)->offset, 40u);
  ASSERT_TRUE(client.Trim("orders", 0, 30).has_value());
  Consumer below = Open(client, StartPosition::At(10));
  EXPECT_EQ(below.Poll(kLong).error().code, ErrorCode::kOffsetBelowStart);
  Consumer beyond = Open(client, StartPosition::At(1000));
  EXPECT_EQ(beyond.Poll(kLong).error().code, ErrorCode::kOffsetBeyondEnd);
  Consumer last = Open(client, StartPosition::Last(5));
  EXPECT_EQ(last.Poll(kLong)->messages.at(0).offset, 95u);
  Consumer start = Open(client, StartPosition::Start());
  EXPECT_EQ(start.Poll(kLong)->messages.at(0).offset, 30u);
}

// Killed again and again under a producer and a consumer that stay: everything is stored once and
// in order, and the consumer reads the log as it is, once.
TEST_F(ClientEndToEnd, ProducerAndConsumerOutliveABrokerThatIsKilled) {
  Start();
  Client client = ConnectTo(broker_->client());
  ASSERT_TRUE(client.CreateTopic("orders", 2).has_value());
  Consumer consumer = Open(client, StartPosition::Start());
  std::vector<std::vector<std::string>> read(2);
  Status ended;
  std::thread reader([&] {
    ended = consumer.Consume([&](const MessageBatch& batch) {
      for (const MessageView& message : batch.messages) {
        EXPECT_EQ(message.offset, read[batch.partition].size());
        read[batch.partition].emplace_back(*message.value);
      }
    });
  });
  constexpr int kRounds = 3;
  constexpr int kPerRound = 2000;
  std::atomic<int> acked{0};
  {
    Producer producer = Open(client, {.topic = "orders", .batch_bytes = 2000});
    for (int round = 0; round < kRounds; ++round) {
      for (int i = 0; i < kPerRound; ++i) {
        producer.Send(
            {.value = Value(round * kPerRound + i), .partition = static_cast<std::uint32_t>(i % 2)},
            [&](const Result<SendReceipt>& outcome) { acked += outcome ? 1 : 0; });
      }
      KillAndStartAgain();
    }
    EXPECT_TRUE(producer.Close(kLong).has_value());
  }
  EXPECT_EQ(acked, kRounds * kPerRound);

  const auto stored = ReadAll(client, 2);
  const auto is_done = [&] {
    const auto positions = consumer.Positions();
    return positions[0].next_offset >= stored[0].size() &&
           positions[1].next_offset >= stored[1].size();
  };
  while (!is_done()) std::this_thread::yield();
  consumer.Stop();
  reader.join();
  EXPECT_TRUE(ended.has_value());
  for (std::size_t p = 0; p < 2; ++p) {
    EXPECT_EQ(read[p], stored[p]);
    ASSERT_EQ(stored[p].size(), static_cast<std::size_t>(kRounds * kPerRound / 2));
    int next = static_cast<int>(p);
    for (const std::string& value : stored[p]) {
      ASSERT_EQ(value, Value(next));
      next += 2;
    }
  }
}

// A relay that crashes and comes back, over a restart of the broker: it learns how many of its
// messages are stored, and the one that only seemed dead can store none any more.
TEST_F(ClientEndToEnd, AProducerThatComesBackUnderItsNameGoesOnAndFencesTheOneBefore) {
  Start();
  Client client = ConnectTo(broker_->client());
  ASSERT_TRUE(client.CreateTopic("orders", 2).has_value());
  const ProducerConfig config{
      .topic = "orders", .linger = std::chrono::milliseconds(0), .name = "relay"};
  Producer zombie = Open(client, config);
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(zombie.Send({.value = Value(i), .partition = 0}).Get(kLong).has_value());
  KillAndStartAgain();
  Producer relay = Open(client, config);
  const auto resumed = relay.ResumedSequence(0);
  ASSERT_TRUE(resumed.has_value()) << resumed.error().ToString();
  EXPECT_EQ(*resumed, 3u);
  EXPECT_EQ(relay.ResumedSequence(1).value_or(99), 0u);
  const auto refused = zombie.Send({.value = "zombie", .partition = 0}).Get(kLong);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kFenced) << refused.error().ToString();
  EXPECT_EQ(zombie.Send({.value = "zombie", .partition = 1}).Get(kLong).error().code,
            ErrorCode::kFenced);
  ASSERT_TRUE(relay.Send({.value = Value(3), .partition = 0}).Get(kLong).has_value());
  const auto stored = ReadAll(client, 2);
  EXPECT_EQ(stored[0], std::vector<std::string>({Value(0), Value(1), Value(2), Value(3)}));
  EXPECT_TRUE(stored[1].empty());
}

// Other records stand where the lost ones were: the offsets fit, the terms do not.
Message WithId(const std::string& id, const std::string& value) {
  Message message;
  message.id = id;
  message.value = value;
  return message;
}

TEST_F(ClientEndToEnd, AMessageIdIsStoredOnceWhoeverSendsItAlsoAfterARestart) {
  Start();
  Client client = ConnectTo(broker_->client());
  ASSERT_TRUE(client.CreateTopic("ids", 4, 1, {{"message.id.window", "1h"}}).has_value());
  std::vector<SendReceipt> first;
  {
    Producer producer = Open(client, {.topic = "ids"});
    std::vector<Future<SendReceipt>> sent;
    for (int i = 0; i < 20; ++i) sent.push_back(producer.Send(WithId(std::to_string(i), "once")));
    producer.Send({.value = "no id"}, nullptr);
    for (auto& future : sent) first.push_back(future.Get(kLong).value());
  }
  KillAndStartAgain();
  Producer producer = Open(client, {.topic = "ids", .compression = Compression::kZstd});
  for (int i = 0; i < 20; ++i) {
    const auto again = producer.Send(WithId(std::to_string(i), "twice")).Get(kLong);
    ASSERT_TRUE(again.has_value()) << again.error().ToString();
    EXPECT_EQ(again->partition, first[i].partition);
    EXPECT_EQ(again->offset, first[i].offset);
    EXPECT_EQ(again->timestamp_ms, first[i].timestamp_ms);
  }
  EXPECT_TRUE(producer.Send(WithId("new", "once")).Get(kLong).has_value());
  Consumer consumer = Open(client, StartPosition::Start(), "ids");
  const auto ends = consumer.Ends();
  ASSERT_TRUE(ends.has_value());
  std::uint64_t stored = 0;
  for (const auto& position : *ends) stored += position.end;
  EXPECT_EQ(stored, 22u);
}

TEST_F(ClientEndToEnd, AMessageIdIsRefusedWhereNoneAreTakenAndIfItCannotBeOne) {
  Start();
  Client client = ConnectTo(broker_->client());
  ASSERT_TRUE(client.CreateTopic("orders", 1).has_value());
  Producer producer = Open(client, {.topic = "orders"});
  EXPECT_EQ(producer.Send(WithId("x", "v")).Get(kLong).error().code, ErrorCode::kBadRequest);
  for (const std::string& id : {std::string(), std::string(257, 'x')})
    EXPECT_EQ(producer.Send(WithId(id, "v")).Get(kLong).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(producer.Send({.value = "v"}).Get(kLong).has_value());
}

TEST_F(ClientEndToEnd, ABrokerWithAnOldCopyOfItsDataRefusesPositionsInWhatIsLost) {
  const std::filesystem::path data = directory_.path() + "/data";
  const std::filesystem::path copy = directory_.path() + "/copy";
  Start();
  const Address address = broker_->client();
  Client client = ConnectTo(address);
  ASSERT_TRUE(client.CreateTopic("orders", 1).has_value());
  Send(client, {"kept-0", "kept-1"});
  broker_.reset();
  std::filesystem::copy(data, copy, std::filesystem::copy_options::recursive);
  Start(address);
  Send(client, {"lost-2", "lost-3"});
  Consumer consumer = Open(client, StartPosition::Start());
  Take(consumer, 4);

  broker_.reset();
  std::filesystem::remove_all(data);
  std::filesystem::rename(copy, data);
  Start(address);
  Start(address);  // Each start is a term: the next one would be that of the lost records.
  Send(client, {"anew-2", "anew-3", "anew-4"});
  const auto refused = consumer.Poll(kLong);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kPositionDiverged);
  EXPECT_NE(refused.error().message.find("Seek"), std::string::npos) << refused.error().message;
  ASSERT_TRUE(consumer.Seek(0, 2).has_value());
  EXPECT_EQ(Take(consumer, 3), std::vector<std::string>({"anew-2", "anew-3", "anew-4"}));
}

}  // namespace
}  // namespace raftmq::testing
