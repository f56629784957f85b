#include "raftmq/consumer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "tests/consumer/consumer_fixture.h"

namespace raftmq::testing {
namespace {

constexpr std::chrono::milliseconds kNow{0};

TEST(Consumer, ReadsFromTheStartAndFollowsTheEnd) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(10));
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  EXPECT_EQ(Take(consumer, 10), Numbered(10));
  broker.Append("orders", 0, Numbered(5, 10));
  EXPECT_EQ(Take(consumer, 5), Numbered(5, 10));
  EXPECT_EQ(consumer.Positions()[0].next_offset, 15u);
  EXPECT_EQ(consumer.Positions()[0].end, 15u);
}

TEST(Consumer, GivesNothingWhenNothingComes) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  const auto batch = consumer.Poll(std::chrono::milliseconds(5));
  ASSERT_TRUE(batch.has_value());
  EXPECT_TRUE(batch->messages.empty());
}

TEST(Consumer, StartsWhereItIsTold) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(5), Codec::kNone, 100);
  broker.Append("orders", 0, Numbered(5, 5), Codec::kNone, 200);
  Client client = ConnectTo(broker);
  const auto first = [&](StartPosition start) {
    Consumer consumer = Create(client, From(start));
    return Take(consumer, 1).front();
  };
  EXPECT_EQ(first(StartPosition::At(3)), "value-3");
  EXPECT_EQ(first(StartPosition::Last(2)), "value-8");
  EXPECT_EQ(first(StartPosition::Last(1000)), "value-0");
  EXPECT_EQ(first(StartPosition::Time(150)), "value-5");

  Consumer consumer = Create(client, From(StartPosition::End()));
  broker.Append("orders", 0, {"new"});
  EXPECT_EQ(Take(consumer, 1).front(), "new");
}

TEST(Consumer, StartsAtTheFirstKeptMessage) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(10));
  broker.Trim("orders", 0, 4);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  EXPECT_EQ(Take(consumer, 6), Numbered(6, 4));
}

TEST(Consumer, ReadsCompressedBatchesAndHeaders) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(300), Codec::kZstd);
  broker.Append("orders", 0, Numbered(300, 300), Codec::kLz4);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::At(100)));
  EXPECT_EQ(Take(consumer, 500), Numbered(500, 100));
}

TEST(Consumer, ReadsAllOrSomePartitions) {
  FakeBroker broker;
  broker.AddTopic("orders", 4);
  for (std::uint32_t i = 0; i < 4; ++i) broker.Append("orders", i, {"p" + std::to_string(i)});
  Client client = ConnectTo(broker);
  Consumer all = Create(client, From(StartPosition::Start()));
  auto values = Take(all, 4);
  std::ranges::sort(values);
  EXPECT_EQ(values, std::vector<std::string>({"p0", "p1", "p2", "p3"}));

  ConsumerConfig config = From(StartPosition::Start());
  config.partitions = {3, 1};
  Consumer some = Create(client, config);
  values = Take(some, 2);
  std::ranges::sort(values);
  EXPECT_EQ(values, std::vector<std::string>({"p1", "p3"}));

  config.partitions = {4};
  EXPECT_EQ(Consumer::Create(client, config).error().code, ErrorCode::kPartitionNotFound);
}

TEST(Consumer, TellsMissingTopics) {
  FakeBroker broker;
  Client client = ConnectTo(broker);
  EXPECT_EQ(Consumer::Create(client, From(StartPosition::Start())).error().code,
            ErrorCode::kTopicNotFound);
}

TEST(Consumer, NeverReceivesMoreThanItsPrefetchAhead) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  for (int i = 0; i < 200; ++i) broker.Append("orders", 0, {std::string(1000, 'x')});
  Client client = ConnectTo(broker);
  ConsumerConfig config = From(StartPosition::Start());
  config.prefetch_bytes = 10'000;
  Consumer consumer = Create(client, config);
  Take(consumer, 200);
  EXPECT_LE(broker.largest_unreturned_credit(), 10'000u + 1200);  // One whole batch beyond.
}

TEST(Consumer, ReadsBatchesAboveItsPrefetch) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  for (int i = 0; i < 5; ++i) broker.Append("orders", 0, {std::string(5000, 'x')});
  Client client = ConnectTo(broker);
  ConsumerConfig config = From(StartPosition::Start());
  config.prefetch_bytes = 1;
  Consumer consumer = Create(client, config);
  EXPECT_EQ(Take(consumer, 5).size(), 5u);
}

TEST(Consumer, SeeksBackAndForth) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(10), Codec::kNone, 100);
  broker.Append("orders", 0, Numbered(10, 10), Codec::kNone, 200);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  Take(consumer, 10);
  ASSERT_TRUE(consumer.Seek(0, 3).has_value());
  EXPECT_EQ(consumer.Positions()[0].next_offset, 3u);
  EXPECT_EQ(Take(consumer, 7), Numbered(7, 3));
  ASSERT_TRUE(consumer.SeekToTime(200).has_value());
  EXPECT_EQ(Take(consumer, 10), Numbered(10, 10));
  EXPECT_EQ(consumer.Seek(7, 0).error().code, ErrorCode::kInvalidArgument);
}

TEST(Consumer, PausedPartitionsGiveNothing) {
  FakeBroker broker;
  broker.AddTopic("orders", 2);
  broker.Append("orders", 0, {"zero"});
  broker.Append("orders", 1, {"one"});
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  ASSERT_TRUE(consumer.Pause(0).has_value());
  EXPECT_EQ(Take(consumer, 1).front(), "one");
  EXPECT_TRUE(consumer.Poll(kNow)->messages.empty());
  ASSERT_TRUE(consumer.Resume(0).has_value());
  EXPECT_EQ(Take(consumer, 1).front(), "zero");
}

TEST(Consumer, TellsTheEndsAsTheyAre) {
  FakeBroker broker;
  broker.AddTopic("orders", 2);
  broker.Append("orders", 1, Numbered(10));
  broker.Trim("orders", 1, 4);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::End()));
  const auto ends = consumer.Ends();
  ASSERT_TRUE(ends.has_value()) << ends.error().ToString();
  EXPECT_EQ((*ends)[0].end, 0u);
  EXPECT_EQ((*ends)[1].end, 10u);
  EXPECT_EQ((*ends)[1].log_start, 4u);
}

TEST(Consumer, PushModeKeepsTheOrderOfEachPartition) {
  FakeBroker broker;
  broker.AddTopic("orders", 4);
  for (int i = 0; i < 50; ++i) {
    for (std::uint32_t p = 0; p < 4; ++p) broker.Append("orders", p, Numbered(3, i * 3));
  }
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  std::mutex mutex;
  std::vector<std::uint64_t> next(4, 0);
  std::vector<int> inside(4, 0);
  int total = 0;
  const Status status = consumer.Consume(
      [&](const MessageBatch& batch) {
        std::unique_lock lock(mutex);
        EXPECT_EQ(inside[batch.partition]++, 0);
        for (const MessageView& message : batch.messages) {
          EXPECT_EQ(message.offset, next[batch.partition]++);
          if (++total == 600) consumer.Stop();
        }
        lock.unlock();
        std::this_thread::yield();
        lock.lock();
        --inside[batch.partition];
      },
      3);
  EXPECT_TRUE(status.has_value());
  EXPECT_EQ(total, 600);
}

TEST(Consumer, StopEndsAWaitingPoll) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  std::thread stopper([&] { consumer.Stop(); });
  EXPECT_TRUE(consumer.Poll(std::chrono::hours(1))->messages.empty());
  stopper.join();
}

TEST(Consumer, TheClientMayGoFirst) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(3));
  std::optional<Client> client = ConnectTo(broker);
  std::optional<Consumer> consumer = Create(*client, From(StartPosition::Start()));
  client.reset();
  EXPECT_EQ(Take(*consumer, 3), Numbered(3));
  EXPECT_TRUE(consumer->Close(kLong).has_value());
  EXPECT_EQ(consumer->Poll(kNow).error().code, ErrorCode::kCancelled);
  consumer.reset();
}

TEST(Consumer, ALinearizableOneStartsAtTheEndThatAMajorityConfirms) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(3));
  Client client = ConnectTo(broker);
  ConsumerConfig config = From(StartPosition::Last(1));
  config.linearizable = true;
  Consumer consumer = Create(client, std::move(config));
  EXPECT_EQ(consumer.Positions()[0].end, 3u);  // Known before anything was read.
  EXPECT_EQ(consumer.Ends()->at(0).end, 3u);
  EXPECT_EQ(Take(consumer, 1).front(), "value-2");
}

TEST(Consumer, ALinearizableOneFailsWhereNobodyConfirms) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.SetHook([](const wire::Message& message) -> FakeBroker::Verdict {
    if (!std::holds_alternative<wire::ReadIndexRequest>(message.body)) return {};
    return {.what = FakeBroker::Verdict::What::kFail,
            .error = {.error = {ErrorCode::kUnsupported, "unknown operation 20"}}};
  });
  Client client = ConnectTo(broker);
  ConsumerConfig config = From(StartPosition::Start());
  config.linearizable = true;
  const auto consumer = Consumer::Create(client, std::move(config));
  ASSERT_FALSE(consumer);
  EXPECT_EQ(consumer.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(consumer.error().message, "orders/0: unknown operation 20");
}

TEST(ConsumerConfig, ReadsText) {
  const auto config = ConsumerConfig::FromMap({{"topic", "orders"},
                                               {"partitions", "1,2"},
                                               {"start", "-100"},
                                               {"prefetch_bytes", "1MiB"},
                                               {"linearizable", "true"},
                                               {"auto_offset_reset", "latest"}});
  ASSERT_TRUE(config.has_value()) << config.error().ToString();
  EXPECT_EQ(config->partitions, std::vector<std::uint32_t>({1, 2}));
  EXPECT_EQ(config->start.kind, StartPosition::Kind::kLast);
  EXPECT_EQ(config->start.value, 100u);
  EXPECT_TRUE(config->linearizable);
  EXPECT_EQ(ConsumerConfig::FromMap({{"start", "yesterday"}}).error().code, ErrorCode::kBadConfig);
}

}  // namespace
}  // namespace raftmq::testing
