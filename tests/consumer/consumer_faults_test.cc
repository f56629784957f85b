// Lost connections, damage, and positions that are no longer there.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "consumer/batch_reader.h"
#include "protocol/types/batch_builder.h"
#include "tests/consumer/consumer_fixture.h"

namespace raftmq::testing {
namespace {

FakeBroker::Verdict Refuse(ErrorCode code) {
  return {.what = What::kFail, .error = {.error = {code, "by the test"}}};
}

TEST(ConsumerFaults, GoesOnAtTheNextOffsetAfterALostConnection) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  std::vector<std::string> values;
  for (int i = 0; i < 10; ++i) {
    broker.Append("orders", 0, Numbered(3, 2 * i * 3));
    broker.Append("orders", 0, Numbered(3, (2 * i + 1) * 3));
    std::ranges::move(Take(consumer, 3), std::back_inserter(values));
    broker.DropConnections();
    std::ranges::move(Take(consumer, 3), std::back_inserter(values));
  }
  EXPECT_EQ(values, Numbered(60));
}

TEST(ConsumerFaults, RetriesWhatAReplicaDoesNotHaveYet) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(3));
  Client client = ConnectTo(broker);
  broker.SetHook(FaultAt<wire::FetchRequest>({1, 2, 3}, Refuse(ErrorCode::kNotYet)));
  Consumer consumer = Create(client, From(StartPosition::Start()));
  EXPECT_EQ(Take(consumer, 3), Numbered(3));
}

TEST(ConsumerFaults, TellsReplicasTheHighestEndItHasSeen) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(9));
  Client client = ConnectTo(broker);
  auto seen = std::make_shared<std::vector<std::uint64_t>>();
  const Promise<bool> opened_again;
  broker.SetHook([seen, opened_again](const wire::Message& message) -> FakeBroker::Verdict {
    if (const auto* fetch = std::get_if<wire::FetchRequest>(&message.body)) {
      seen->push_back(fetch->end_seen.value());
      if (seen->size() == 2) opened_again.Set(true);
    }
    return {};
  });
  Consumer consumer = Create(client, From(StartPosition::Start()));
  Take(consumer, 9);
  ASSERT_TRUE(consumer.Seek(0, 0).has_value());
  ASSERT_TRUE(opened_again.future().Get(kLong).has_value());
  EXPECT_EQ(*seen, std::vector<std::uint64_t>({0, 9}));
}

TEST(ConsumerFaults, AsksAgainForWhatCameDamaged) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(3));
  broker.Append("orders", 0, Numbered(3, 3));
  broker.DamageFetches(2);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  EXPECT_EQ(Take(consumer, 6), Numbered(6));
}

TEST(ConsumerFaults, RefusesBytesWhoseHashDoesNotHold) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(3));
  broker.DamageFetches(1'000'000);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  const auto batch = consumer.Poll(kLong);
  ASSERT_FALSE(batch.has_value());
  EXPECT_EQ(batch.error().code, ErrorCode::kDataCorrupt);
  EXPECT_EQ(consumer.Poll(kLong).error().code, ErrorCode::kDataCorrupt);
  broker.DamageFetches(0);
  ASSERT_TRUE(consumer.Seek(0, 0).has_value());
  EXPECT_EQ(Take(consumer, 3), Numbered(3));
}

TEST(ConsumerFaults, RemovedPositionsAreToldOrResetAsConfigured) {
  using Reset = ConsumerConfig::AutoOffsetReset;
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(10));
  broker.Trim("orders", 0, 4);
  Client client = ConnectTo(broker);
  ConsumerConfig config = From(StartPosition::At(1));

  Consumer none = Create(client, config);
  EXPECT_EQ(none.Poll(kLong).error().code, ErrorCode::kOffsetBelowStart);
  ASSERT_TRUE(none.Seek(0, 8).has_value());
  EXPECT_EQ(Take(none, 2), Numbered(2, 8));

  config.auto_offset_reset = Reset::kEarliest;
  Consumer earliest = Create(client, config);
  EXPECT_EQ(Take(earliest, 6), Numbered(6, 4));

  config.auto_offset_reset = Reset::kLatest;
  Consumer latest = Create(client, config);
  while (latest.Positions()[0].next_offset != 10) {
    ASSERT_TRUE(latest.Poll(std::chrono::milliseconds(5)).has_value());
  }
  broker.Append("orders", 0, {"new"});
  EXPECT_EQ(Take(latest, 1).front(), "new");
}

TEST(ConsumerFaults, PositionsBeyondTheEndAreTold) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::At(5)));
  EXPECT_EQ(consumer.Poll(kLong).error().code, ErrorCode::kOffsetBeyondEnd);
}

TEST(ConsumerFaults, OnePartitionsErrorDoesNotStarveTheOthers) {
  FakeBroker broker;
  broker.AddTopic("orders", 2);
  broker.Append("orders", 0, Numbered(10));
  broker.Trim("orders", 0, 4);
  broker.Append("orders", 1, Numbered(5));
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::At(1)));
  bool told = false;
  std::size_t values = 0;
  while (!told || values < 4) {
    const auto batch = consumer.Poll(kLong);
    if (!batch) {
      EXPECT_EQ(batch.error().code, ErrorCode::kOffsetBelowStart);
      told = true;
    } else {
      values += batch->messages.size();
    }
  }
  EXPECT_EQ(values, 4u);
}

TEST(ConsumerFaults, FollowsTheLeaderToAnotherBroker) {
  FakeBroker first(1);
  FakeBroker second(2);
  for (FakeBroker* broker : {&first, &second}) {
    broker->AddTopic("orders", 1);
    broker->Append("orders", 0, Numbered(5));
  }
  Client client = ConnectTo(first);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  Take(consumer, 5);
  first.SetLeader(2, second.address());
  first.DropConnections();
  second.Append("orders", 0, Numbered(5, 5));
  EXPECT_EQ(Take(consumer, 5), Numbered(5, 5));
}

// Read it once the hook is taken away.
std::shared_ptr<std::vector<wire::FetchRequest>> RecordFetches(FakeBroker& broker) {
  auto fetches = std::make_shared<std::vector<wire::FetchRequest>>();
  broker.SetHook([fetches](const wire::Message& message) -> FakeBroker::Verdict {
    if (const auto* fetch = std::get_if<wire::FetchRequest>(&message.body))
      fetches->push_back(*fetch);
    return {};
  });
  return fetches;
}

TEST(ConsumerFaults, TellsTheTermOfWhatItReadLast) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(3));
  broker.SetTerm(Term(4));
  broker.Append("orders", 0, Numbered(3, 3));
  const auto fetches = RecordFetches(broker);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  Take(consumer, 6);
  broker.DropConnections();
  broker.Append("orders", 0, Numbered(1, 6));
  EXPECT_EQ(Take(consumer, 1), Numbered(1, 6));
  ASSERT_TRUE(consumer.Seek(0, 2).has_value());
  Take(consumer, 5);
  broker.SetHook(nullptr);
  ASSERT_EQ(fetches->size(), 3u);
  EXPECT_EQ(fetches->at(0).term_before, Term());
  EXPECT_EQ(fetches->at(1).term_before, Term(4));
  EXPECT_EQ(fetches->at(1).offset, Offset(6));
  EXPECT_EQ(fetches->at(2).term_before, Term());  // After a seek nothing is known.
}

TEST(ConsumerFaults, TellsTheTermOfWhatIsReceivedAndNotYetPolled) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(3));
  broker.SetTerm(Term(4));
  broker.Append("orders", 0, Numbered(3, 3));
  Client client = ConnectTo(broker);
  const Promise<bool> opened_again;
  broker.SetHook([opened_again](const wire::Message& message) -> FakeBroker::Verdict {
    const auto* fetch = std::get_if<wire::FetchRequest>(&message.body);
    if (fetch != nullptr && fetch->offset == Offset(6)) {
      EXPECT_EQ(fetch->term_before, Term(4));
      opened_again.Set(true);
    }
    return {};
  });
  Consumer consumer = Create(client, From(StartPosition::Start()));
  EXPECT_EQ(Take(consumer, 3), Numbered(3));
  while (consumer.Positions().at(0).end < 6) std::this_thread::yield();
  broker.DropConnections();
  EXPECT_TRUE(opened_again.future().Get(kLong).has_value());
  EXPECT_EQ(Take(consumer, 3), Numbered(3, 3));
}

// Another log behind the same name: all that was acked has been lost and written anew.
TEST(ConsumerFaults, APositionInALostLogIsToldUntilASeek) {
  FakeBroker lost(1);
  FakeBroker anew(2);
  anew.SetTerm(Term(2));
  for (FakeBroker* broker : {&lost, &anew}) broker->AddTopic("orders", 1);
  lost.Append("orders", 0, Numbered(9));
  anew.Append("orders", 0, Numbered(12, 100));
  const auto fetches = RecordFetches(anew);
  Client client = ConnectTo(lost);
  ConsumerConfig config = From(StartPosition::Start());
  config.auto_offset_reset = ConsumerConfig::AutoOffsetReset::kEarliest;
  Consumer consumer = Create(client, config);
  Take(consumer, 9);
  lost.SetLeader(2, anew.address());
  lost.DropConnections();
  for (int i = 0; i < 2; ++i) {
    const auto batch = consumer.Poll(kLong);
    ASSERT_FALSE(batch.has_value());
    EXPECT_EQ(batch.error().code, ErrorCode::kPositionDiverged);
    EXPECT_FALSE(batch.error().retriable());
    EXPECT_EQ(batch.error().message,
              "orders/0 at offset 9: expected term 1, found term 2: another log is in the place of "
              "the one that was read (its data were lost, the topic was created anew, or this is "
              "another cluster); nothing was reset: Seek to choose where to go on");
  }
  EXPECT_EQ(consumer.Positions().at(0).next_offset, 9u);
  ASSERT_TRUE(consumer.Seek(0, 2).has_value());
  EXPECT_EQ(Take(consumer, 10), Numbered(10, 102));
  anew.SetHook(nullptr);
  // No end that was seen in the lost log is waited for.
  EXPECT_EQ(fetches->back().end_seen, Offset(0));
}

TEST(ConsumerFaults, APositionInATopicThatWasCreatedAnewIsToldUntilASeek) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(3));
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  Take(consumer, 3);
  broker.RemoveTopic("orders");
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(5, 100));
  broker.DropConnections();
  const auto batch = consumer.Poll(kLong);
  ASSERT_FALSE(batch.has_value());
  EXPECT_EQ(batch.error().code, ErrorCode::kPositionDiverged);
  ASSERT_TRUE(consumer.Seek(0, 0).has_value());
  EXPECT_EQ(Take(consumer, 5), Numbered(5, 100));
}

TEST(ConsumerFaults, TellsWhenTheTopicIsDeleted) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::Start()));
  broker.RemoveTopic("orders");
  broker.DropConnections();
  EXPECT_EQ(consumer.Poll(kLong).error().code, ErrorCode::kTopicNotFound);
}

// A connection that is cut without a word looks like an end where nothing new comes.
TEST(ConsumerFaults, LeavesABrokerThatGivesNoSignOfLife) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  broker.Append("orders", 0, Numbered(3));
  ClientConfig config = QuickConfig(broker);
  config.request_timeout = std::chrono::milliseconds(50);
  auto client = Client::Connect(config);
  ASSERT_TRUE(client.has_value());
  Consumer consumer = Create(*client, From(StartPosition::Start()));
  Take(consumer, 3);
  const Promise<bool> connects_again;
  broker.SetHook([connects_again, told = false](const wire::Message& message) mutable {
    const bool is_hello = std::holds_alternative<wire::HelloRequest>(message.body);
    if (is_hello && !std::exchange(told, true)) connects_again.Set(true);
    return FakeBroker::Verdict{.what = told ? What::kHandle : What::kIgnore};
  });
  EXPECT_TRUE(connects_again.future().Get(kLong).has_value());
  broker.SetHook(nullptr);
  broker.Append("orders", 0, Numbered(3, 3));
  EXPECT_EQ(Take(consumer, 3), Numbered(3, 3));
}

TEST(ConsumerFaults, APushHandlerStopsAtAnError) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  Client client = ConnectTo(broker);
  Consumer consumer = Create(client, From(StartPosition::At(5)));
  EXPECT_EQ(consumer.Consume([](const MessageBatch&) {}, 2).error().code,
            ErrorCode::kOffsetBeyondEnd);
}

TEST(BatchReader, RefusesHolesAndRepeats) {
  BatchBuilder builder(1 << 20);
  ASSERT_TRUE(builder.Append({.value = "x", .timestamp_ms = 1}));
  ByteBuffer frame = builder.Finish({});
  StampBatch(frame.span().first(ParseBatchHeader(frame.span())->producer.length),
             {.base_offset = Offset(5)}, 0);
  EXPECT_TRUE(internal::ReadNextBatch(frame.span(), 0, Offset(5), false).has_value());
  EXPECT_FALSE(internal::ReadNextBatch(frame.span(), 0, Offset(4), false).has_value());
  EXPECT_FALSE(internal::ReadNextBatch(frame.span(), 0, Offset(6), true).has_value());
}

}  // namespace
}  // namespace raftmq::testing
