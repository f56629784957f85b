// Retries, order under failures, and what an outcome says.
#include <gtest/gtest.h>

#include "tests/producer/producer_fixture.h"

namespace raftmq::testing {
namespace {

// One message per batch, up to five batches under way.
ProducerConfig OneByOne() {
  ProducerConfig config = NoLinger();
  config.batch_bytes = 150;
  return config;
}

FakeBroker::Verdict Refuse(ErrorCode code) {
  return {.what = What::kFail, .error = {.error = {code, "by the test"}}};
}

// Sends numbered messages while the hook does its work; each must arrive once, in order.
void ExpectAllInOrder(FakeBroker& broker, FakeBroker::Hook hook) {
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, OneByOne());
  broker.SetHook(std::move(hook));
  Outcomes outcomes;
  for (const std::string& value : Numbered(50)) producer.Send(Text(value), outcomes.Next());
  ASSERT_TRUE(producer.Flush(kLong).has_value());
  EXPECT_EQ(outcomes.acked(), 50);
  EXPECT_TRUE(outcomes.EachExactlyOnce());
  EXPECT_EQ(broker.Values("orders", 0), Numbered(50));
  EXPECT_GT(producer.stats().retries, 0u);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(outcomes.results()[i]->offset, i);
}

TEST(ProducerFaults, RetriesWhatWasRefusedForAWhile) {
  FakeBroker broker;
  // From the third request on everything is refused, until the refused one comes again.
  ExpectAllInOrder(broker, [count = 0](const wire::Message& message) mutable {
    if (!std::holds_alternative<wire::ProduceRequest>(message.body)) return FakeBroker::Verdict{};
    ++count;
    return count >= 3 && count < 8 ? Refuse(ErrorCode::kOverloaded) : FakeBroker::Verdict{};
  });
}

TEST(ProducerFaults, KeepsTheOrderWhenConnectionsBreakBeforeTheWork) {
  FakeBroker broker;
  ExpectAllInOrder(broker,
                   FaultAt<wire::ProduceRequest>({2, 9, 10, 20}, {.what = What::kDropBefore}));
}

TEST(ProducerFaults, RepeatsWhatMayHaveBeenStored) {
  FakeBroker broker;
  ExpectAllInOrder(broker, FaultAt<wire::ProduceRequest>({1, 5}, {.what = What::kDropAfter}));
}

TEST(ProducerFaults, RetriesWhatGotNoAnswerInTime) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  ClientConfig config = QuickConfig(broker);
  config.request_timeout = std::chrono::milliseconds(50);
  auto client = Client::Connect(config);
  ASSERT_TRUE(client.has_value());
  Producer producer = Create(*client, NoLinger());
  broker.SetHook(FaultAt<wire::ProduceRequest>({1}, {.what = What::kIgnore}));
  EXPECT_TRUE(producer.Send(Text("x")).Get(kLong).has_value());
  EXPECT_EQ(broker.Values("orders", 0).size(), 1u);
}

TEST(ProducerFaults, FinalErrorsAreNotRetried) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  broker.SetHook(FaultAt<wire::ProduceRequest>({1}, Refuse(ErrorCode::kBatchTooLarge)));
  EXPECT_EQ(producer.Send(Text("x")).Get(kLong).error().code, ErrorCode::kBatchTooLarge);
  EXPECT_TRUE(producer.Send(Text("y")).Get(kLong).has_value());
  EXPECT_EQ(producer.stats().retries, 0u);
  EXPECT_EQ(producer.stats().failed, 1u);
}

TEST(ProducerFaults, GivesUpAfterTheDeliveryTimeoutAndSaysThatNothingWasStored) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.delivery_timeout = std::chrono::milliseconds(50);
  Producer producer = Create(client, config);
  broker.SetHook(FaultAlways<wire::ProduceRequest>(Refuse(ErrorCode::kOverloaded)));
  const auto outcome = producer.Send(Text("x")).Get(kLong);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::kOverloaded);
  EXPECT_TRUE(outcome.error().definite());
}

TEST(ProducerFaults, GivesUpAsUnknownWhenAnAttemptMayHaveBeenStored) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.delivery_timeout = std::chrono::milliseconds(50);
  Producer producer = Create(client, config);
  broker.SetHook(FaultAlways<wire::ProduceRequest>({.what = What::kDropAfter}));
  const auto outcome = producer.Send(Text("x")).Get(kLong);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_FALSE(outcome.error().definite());
}

TEST(ProducerFaults, AFinalErrorAfterAnUnknownAttemptIsUnknown) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  broker.SetHook([count = 0](const wire::Message& message) mutable -> FakeBroker::Verdict {
    if (!std::holds_alternative<wire::ProduceRequest>(message.body)) return {};
    return ++count == 1 ? FakeBroker::Verdict{.what = What::kDropAfter}
                        : Refuse(ErrorCode::kBatchTooLarge);
  });
  const auto outcome = producer.Send(Text("x")).Get(kLong);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_FALSE(outcome.error().definite());
}

TEST(ProducerFaults, FollowsTheLeaderToAnotherBroker) {
  FakeBroker first(1);
  FakeBroker second(2);
  first.AddTopic("orders", 1);
  second.AddTopic("orders", 1);
  second.TakeAnySequence("orders", 0);
  Client client = ConnectTo(first);
  Producer producer = Create(client, NoLinger());
  ASSERT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
  first.SetLeader(2, second.address());
  ASSERT_TRUE(producer.Send(Text("b")).Get(kLong).has_value());
  EXPECT_EQ(first.Values("orders", 0), std::vector<std::string>({"a"}));
  EXPECT_EQ(second.Values("orders", 0), std::vector<std::string>({"b"}));
}

TEST(ProducerFaults, FollowsTheLeaderAwayFromABrokerThatFellSilent) {
  FakeBroker first(1);
  FakeBroker second(2);
  first.AddTopic("orders", 1);
  second.AddTopic("orders", 1);
  second.TakeAnySequence("orders", 0);
  second.SetLeader(1, first.address());
  ClientConfig config = QuickConfig(first);
  config.brokers.push_back(second.bootstrap());
  config.request_timeout = kLong;
  auto client = Client::Connect(config);
  ASSERT_TRUE(client.has_value());
  Producer producer = Create(*client, NoLinger());
  ASSERT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
  first.SetHook([](const wire::Message&) { return FakeBroker::Verdict{.what = What::kIgnore}; });
  const auto b = producer.Send(Text("b"));
  const auto c = producer.Send(Text("c"));
  second.SetLeader(2, second.address());
  ASSERT_TRUE(b.Get(kLong).has_value());
  ASSERT_TRUE(c.Get(kLong).has_value());
  EXPECT_EQ(second.Values("orders", 0), std::vector<std::string>({"b", "c"}));
}

TEST(ProducerFaults, FollowsTheNextLeaderWithoutWaitingForTheBackOff) {
  FakeBroker first(1);
  FakeBroker second(2);
  first.AddTopic("orders", 1);
  second.AddTopic("orders", 1);
  second.TakeAnySequence("orders", 0);
  second.SetLeader(1, first.address());
  ClientConfig config = QuickConfig(first);
  config.brokers.push_back(second.bootstrap());
  config.backoff_min = config.backoff_max = 4 * kLong;
  auto client = Client::Connect(config);
  ASSERT_TRUE(client.has_value());
  Producer producer = Create(*client, NoLinger());
  ASSERT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
  first.SetHook(FaultAlways<wire::ProduceRequest>({.what = What::kDropBefore}));
  const auto b = producer.Send(Text("b"));
  first.SetLeader(2, second.address());
  second.SetLeader(2, second.address());
  ASSERT_TRUE(b.Get(kLong).has_value());
  EXPECT_EQ(second.Values("orders", 0), std::vector<std::string>({"b"}));
}

// Metadata requests while one message waits for a leader that does not come.
int LooksWithin(std::chrono::milliseconds delivery_timeout) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  ClientConfig config = QuickConfig(broker);
  config.backoff_min = config.backoff_max = std::chrono::milliseconds(500);
  auto client = Client::Connect(config);
  EXPECT_TRUE(client.has_value());
  ProducerConfig to = NoLinger();
  to.delivery_timeout = delivery_timeout;
  Producer producer = Create(*client, to);
  EXPECT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
  const auto asked = std::make_shared<std::atomic<int>>(0);
  broker.SetHook([asked](const wire::Message& message) {
    if (std::holds_alternative<wire::MetadataRequest>(message.body)) ++*asked;
    return FakeBroker::Verdict{};
  });
  broker.SetLeader(0, broker.address());
  EXPECT_FALSE(producer.Send(Text("b")).Get(kLong).has_value());
  return *asked;
}

TEST(ProducerFaults, APartitionThatStaysWithoutALeaderIsAskedForLessOftenAfterASecond) {
  // Up to two requests for a look: 40 looks in the first second, 5 in each one after, and one with
  // each attempt.
  EXPECT_LT(LooksWithin(std::chrono::milliseconds(4'000)), 2 * (40 + 15 + 20));
}

TEST(ProducerFaults, EndsWhenTheTopicIsDeleted) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  ASSERT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
  broker.RemoveTopic("orders");
  const auto outcome = producer.Send(Text("b")).Get(kLong);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::kTopicNotFound);
}

TEST(ProducerFaults, FlushTellsWhatIsStillOpen) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  broker.SetHook(FaultAlways<wire::ProduceRequest>({.what = What::kHold}));
  const auto future = producer.Send(Text("x"));
  EXPECT_EQ(producer.Flush(std::chrono::milliseconds(10)).error().code, ErrorCode::kTimeout);
  broker.Release();
  EXPECT_TRUE(producer.Flush(kLong).has_value());
  EXPECT_TRUE(future.IsReady());
}

}  // namespace
}  // namespace raftmq::testing
