// Closing and destroying, in every order and place.
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "protocol/client/client_core.h"
#include "tests/producer/producer_fixture.h"

namespace raftmq::testing {
namespace {

TEST(ProducerLife, TheDestructorDeliversWhatIsUnderWay) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Outcomes outcomes;
  {
    Client client = ConnectTo(broker);
    ProducerConfig config = NoLinger();
    config.linger = std::chrono::hours(1);
    Producer producer = Create(client, config);
    for (int i = 0; i < 10; ++i) producer.Send(Text("x"), outcomes.Next());
  }
  EXPECT_EQ(outcomes.acked(), 10);
  EXPECT_EQ(broker.Values("orders", 0).size(), 10u);
}

TEST(ProducerLife, TheClientMayGoFirst) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  std::optional<Client> client = ConnectTo(broker);
  std::optional<Producer> producer = Create(*client, NoLinger());
  client.reset();
  EXPECT_TRUE(producer->Send(Text("x")).Get(kLong).has_value());
  producer.reset();
  EXPECT_EQ(broker.Values("orders", 0).size(), 1u);
}

TEST(ProducerLife, TheDestructorIsBounded) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  ClientConfig client_config = QuickConfig(broker);
  client_config.destructor_timeout = std::chrono::milliseconds(30);
  Outcomes outcomes;
  {
    auto client = Client::Connect(client_config);
    ASSERT_TRUE(client.has_value());
    Producer producer = Create(*client, NoLinger());
    broker.SetHook(FaultAlways<wire::ProduceRequest>({.what = What::kIgnore}));
    for (int i = 0; i < 10; ++i) producer.Send(Text("x"), outcomes.Next());
  }
  EXPECT_EQ(outcomes.Count(ErrorCode::kCancelled), 10);
  EXPECT_TRUE(outcomes.EachExactlyOnce());
}

TEST(ProducerLife, TheDestructorIsBoundedWithoutABroker) {
  Outcomes outcomes;
  std::optional<Producer> producer;
  {
    FakeBroker broker;
    broker.AddTopic("orders", 1);
    ClientConfig client_config = QuickConfig(broker);
    client_config.destructor_timeout = std::chrono::milliseconds(30);
    auto client = Client::Connect(client_config);
    ASSERT_TRUE(client.has_value());
    producer.emplace(Create(*client, NoLinger()));
  }
  for (int i = 0; i < 10; ++i) producer->Send(Text("x"), outcomes.Next());
  producer.reset();
  EXPECT_EQ(outcomes.acked(), 0);
  EXPECT_TRUE(outcomes.EachExactlyOnce());
}

TEST(ProducerLife, CloseCancelsWhatIsOpenAtTheTimeout) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  broker.SetHook(FaultAlways<wire::ProduceRequest>({.what = What::kHold}));
  Outcomes outcomes;
  producer.Send(Text("x"), outcomes.Next());
  EXPECT_EQ(producer.Close(std::chrono::milliseconds(10)).error().code, ErrorCode::kTimeout);
  EXPECT_EQ(outcomes.Count(ErrorCode::kCancelled), 1);
  EXPECT_EQ(producer.Send(Text("late")).Get(kLong).error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(producer.Close(kLong).has_value());
}

TEST(ProducerLife, CloseWakesSendersThatWaitForMemory) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.memory_bytes = 500;
  Producer producer = Create(client, config);
  broker.SetHook(FaultAlways<wire::ProduceRequest>({.what = What::kHold}));
  Outcomes outcomes;
  std::thread sender([&] {
    for (int i = 0; i < 20; ++i) producer.Send(Text(std::string(100, 'x')), outcomes.Next());
  });
  while (broker.held() == 0) std::this_thread::yield();
  (void)producer.Close(std::chrono::milliseconds(10));
  sender.join();
  EXPECT_EQ(outcomes.Count(ErrorCode::kCancelled), 20);
}

// The last handle goes inside a callback, on the client's own thread: everything else goes with it.
TEST(ProducerLife, MayBeDestroyedInsideItsOwnCallback) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Outcomes outcomes;
  const Promise<bool> destroyed;
  {
    std::optional<Client> client = ConnectTo(broker);
    ProducerConfig config = NoLinger();
    config.batch_bytes = 150;
    auto producer = std::make_shared<std::optional<Producer>>(Create(*client, config));
    (*producer)->Send(Text("first"), [producer, destroyed](const Result<SendReceipt>& outcome) {
      EXPECT_TRUE(outcome.has_value());
      producer->reset();
      destroyed.Set(true);
    });
  }
  EXPECT_TRUE(destroyed.future().Get(kLong).value_or(false));
}

TEST(ProducerLife, WhatWasSentBeforeIsDeliveredAfterDestructionInACallback) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  ProducerConfig config = NoLinger();
  config.batch_bytes = 150;
  config.batches_in_flight = 1;
  auto producer = std::make_shared<std::optional<Producer>>(Create(client, config));
  broker.SetHook(FaultAlways<wire::ProduceRequest>({.what = What::kHold}));
  (*producer)->Send(Text("first"), [producer](const Result<SendReceipt>&) { producer->reset(); });
  const auto second = (*producer)->Send(Text("second"));
  while (broker.held() == 0) std::this_thread::yield();
  broker.Release();
  EXPECT_TRUE(second.Get(kLong).has_value());
}

TEST(ProducerLife, CallbacksMaySendAgain) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  const Promise<SendReceipt> second;
  producer.Send(Text("a"), [&](const Result<SendReceipt>&) {
    producer.Send(Text("b"), [second](const Result<SendReceipt>& outcome) { second.Set(outcome); });
  });
  EXPECT_EQ(second.future().Get(kLong)->offset, 1u);
}

TEST(ProducerLife, WaitingInsideACallbackIsRefused) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  const Promise<bool> refused;
  producer.Send(Text("a"), [&, refused](const Result<SendReceipt>&) {
    refused.Set(producer.Flush(kLong).error().code == ErrorCode::kInvalidArgument);
  });
  EXPECT_TRUE(refused.future().Get(kLong).value_or(false));
}

TEST(ProducerLife, MovesKeepTheProducer) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Producer producer = Create(client, NoLinger());
  Producer moved = std::move(producer);
  EXPECT_TRUE(moved.Send(Text("x")).Get(kLong).has_value());
  moved = Create(client, NoLinger());
  EXPECT_TRUE(moved.Send(Text("y")).Get(kLong).has_value());
}

}  // namespace
}  // namespace raftmq::testing
