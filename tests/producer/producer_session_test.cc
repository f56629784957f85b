// Exactly once: lost answers, holes, forgotten sessions, names and takeovers.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "tests/producer/producer_fixture.h"

namespace raftmq::testing {
namespace {

ProducerConfig OneByOne() {
  ProducerConfig config = NoLinger();
  config.batch_bytes = 140;
  return config;
}

ProducerConfig Named(const std::string& name) {
  ProducerConfig config = NoLinger();
  config.name = name;
  return config;
}

FakeBroker::Verdict Refuse(ErrorCode code) {
  return {.what = What::kFail, .error = {.error = {code, "by the test"}}};
}

template <class T>
Error ErrorOf(const Result<T>& outcome) {
  return outcome ? Error{ErrorCode::kOk, ""} : outcome.error();
}

class ProducerSession : public ::testing::Test {
 protected:
  ProducerSession() {
    broker_.AddTopic("orders", 3);
    client_.emplace(ConnectTo(broker_));
  }
  Producer Open(ProducerConfig config) { return Create(*client_, std::move(config)); }
  std::vector<std::string> stored() { return broker_.Values("orders", 0); }

  FakeBroker broker_;
  std::optional<Client> client_;
};

TEST_F(ProducerSession, NumbersTheRecordsOfEachPartition) {
  Producer producer = Open(NoLinger());
  for (const std::uint32_t partition : {0u, 1u, 0u})
    ASSERT_TRUE(producer.Send(Text("x", partition)).Get(kLong).has_value());
  const auto headers = broker_.Headers("orders", 0);
  ASSERT_EQ(headers.size(), 2u);
  EXPECT_NE(headers[0].producer.session, SessionId());
  EXPECT_EQ(headers[1].producer.session, headers[0].producer.session);
  EXPECT_EQ(headers[0].producer.base_sequence, 0u);
  EXPECT_EQ(headers[1].producer.base_sequence, 1u);
  EXPECT_EQ(broker_.Headers("orders", 1).at(0).producer.base_sequence, 0u);
}

TEST_F(ProducerSession, CarriesNoneWithoutIdempotence) {
  ProducerConfig plain = NoLinger();
  plain.idempotence = false;
  ProducerConfig in_memory = NoLinger();
  in_memory.acks = ProducerAcks::kLeaderMemory;
  for (const ProducerConfig& config : {plain, in_memory}) {
    Producer producer = Open(config);
    ASSERT_TRUE(producer.Send(Text("x")).Get(kLong).has_value());
  }
  for (const BatchHeader& header : broker_.Headers("orders", 0)) {
    EXPECT_EQ(header.producer.session, SessionId());
    EXPECT_EQ(header.producer.base_sequence, 0u);
  }
}

TEST_F(ProducerSession, RefusesWhatCannotBeExact) {
  ProducerConfig weak = NoLinger();
  weak.acks = ProducerAcks::kLeaderMemory;
  weak.idempotence = true;
  ProducerConfig wide = NoLinger();
  wide.batches_in_flight = 6;
  ProducerConfig named = Named("relay");
  named.idempotence = false;
  for (const ProducerConfig& config : {weak, wide, named}) {
    EXPECT_EQ(ErrorOf(Producer::Create(*client_, config)).code, ErrorCode::kInvalidArgument);
  }
  wide.idempotence = false;
  EXPECT_TRUE(Producer::Create(*client_, wide).has_value());
}

TEST_F(ProducerSession, AsksForItsSessionUntilItGetsOne) {
  broker_.SetHook(FaultAt<wire::InitProducerRequest>({1, 2}, {.what = What::kDropAfter}));
  Producer producer = Open(NoLinger());
  EXPECT_TRUE(producer.Send(Text("x")).Get(kLong).has_value());
}

TEST_F(ProducerSession, IsNotCreatedWhereSessionsAreRefused) {
  broker_.SetHook(FaultAlways<wire::InitProducerRequest>(Refuse(ErrorCode::kLimitExceeded)));
  EXPECT_EQ(ErrorOf(Producer::Create(*client_, Named("relay"))).code, ErrorCode::kLimitExceeded);
}

TEST_F(ProducerSession, ALostAnswerLeadsToOneCopyAndItsOffset) {
  Producer producer = Open(NoLinger());
  ASSERT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
  broker_.SetHook(FaultAt<wire::ProduceRequest>({1}, {.what = What::kDropAfter}));
  const auto receipt = producer.Send(Text("b")).Get(kLong);
  ASSERT_TRUE(receipt.has_value()) << receipt.error().ToString();
  EXPECT_EQ(receipt->offset, 1u);
  EXPECT_TRUE(receipt->is_offset_known);
  EXPECT_EQ(stored(), std::vector<std::string>({"a", "b"}));
}

TEST_F(ProducerSession, ABatchThatWasStoredLongAgoIsASuccessWithoutAnOffset) {
  Producer producer = Open(NoLinger());
  broker_.SetHook([count = 0](const wire::Message& message) mutable -> FakeBroker::Verdict {
    if (!std::holds_alternative<wire::ProduceRequest>(message.body)) return {};
    return ++count == 1 ? FakeBroker::Verdict{.what = What::kDropAfter}
                        : Refuse(ErrorCode::kDuplicateOffsetUnknown);
  });
  const auto receipt = producer.Send(Text("a")).Get(kLong);
  ASSERT_TRUE(receipt.has_value()) << receipt.error().ToString();
  EXPECT_FALSE(receipt->is_offset_known);
  EXPECT_EQ(receipt->offset, 0u);
}

// The third of ten batches is refused for good while others are in flight behind it.
TEST_F(ProducerSession, WhatFollowsARefusedBatchIsDelivered) {
  Producer producer = Open(OneByOne());
  broker_.SetHook(FaultAt<wire::ProduceRequest>({3}, Refuse(ErrorCode::kBatchTooLarge)));
  Outcomes outcomes;
  for (const std::string& value : Numbered(10)) producer.Send(Text(value), outcomes.Next());
  ASSERT_TRUE(producer.Flush(kLong).has_value());
  EXPECT_EQ(outcomes.acked(), 9);
  EXPECT_EQ(outcomes.Count(ErrorCode::kBatchTooLarge), 1);
  std::vector<std::string> expected = Numbered(10);
  expected.erase(expected.begin() + 2);
  EXPECT_EQ(stored(), expected);
  std::set<SessionId> sessions;
  for (const BatchHeader& header : broker_.Headers("orders", 0))
    sessions.insert(header.producer.session);
  EXPECT_EQ(sessions.size(), 1u);
}

// The second is refused for good, and of the fourth there is no news.
TEST_F(ProducerSession, WhatMayBeUnderWayBehindARefusedBatchGoesToAnotherSession) {
  ClientConfig client_config = QuickConfig(broker_);
  client_config.request_timeout = std::chrono::milliseconds(300);
  auto client = Client::Connect(client_config);
  ASSERT_TRUE(client.has_value());
  Producer producer = Create(*client, OneByOne());
  broker_.SetHook([count = 0](const wire::Message& message) mutable -> FakeBroker::Verdict {
    if (!std::holds_alternative<wire::ProduceRequest>(message.body)) return {};
    ++count;
    if (count == 2) return Refuse(ErrorCode::kBatchTooLarge);
    return {.what = count == 4 ? What::kIgnore : What::kHandle};
  });
  Outcomes outcomes;
  for (const std::string& value : Numbered(10)) producer.Send(Text(value), outcomes.Next());
  ASSERT_TRUE(producer.Flush(kLong).has_value());
  EXPECT_EQ(outcomes.acked(), 9);
  std::vector<std::string> expected = Numbered(10);
  expected.erase(expected.begin() + 1);
  EXPECT_EQ(stored(), expected);
  const auto headers = broker_.Headers("orders", 0);
  EXPECT_GT(headers[1].producer.session, headers[0].producer.session);
}

TEST_F(ProducerSession, WhatFollowsABatchThatTimedOutUnsentIsDelivered) {
  ProducerConfig config = OneByOne();
  config.delivery_timeout = std::chrono::milliseconds(1'000);
  Producer producer = Open(config);
  ASSERT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
  broker_.SetHook(FaultAlways<wire::ProduceRequest>(Refuse(ErrorCode::kOverloaded)));
  EXPECT_EQ(ErrorOf(producer.Send(Text("b")).Get(kLong)).code, ErrorCode::kOverloaded);
  broker_.SetHook(nullptr);
  EXPECT_TRUE(producer.Send(Text("c")).Get(kLong).has_value());
  EXPECT_EQ(stored(), std::vector<std::string>({"a", "c"}));
  EXPECT_EQ(broker_.Headers("orders", 0).at(1).producer.base_sequence, 1u);
}

// "b" is lost without an answer, before or after it was stored. What comes behind it must get
// through either way, and nothing may be doubled.
TEST_F(ProducerSession, WhatFollowsABatchWithoutAnOutcomeIsDelivered) {
  for (const What what : {What::kDropBefore, What::kDropAfter}) {
    const std::string topic = what == What::kDropBefore ? "before" : "after";
    broker_.AddTopic(topic, 1);
    ProducerConfig config = NoLinger(topic);
    config.delivery_timeout = std::chrono::milliseconds(1'000);
    Producer producer = Open(config);
    ASSERT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
    broker_.SetHook(FaultAlways<wire::ProduceRequest>({.what = what}));
    EXPECT_FALSE(ErrorOf(producer.Send(Text("b")).Get(kLong)).definite());
    broker_.SetHook(nullptr);
    ASSERT_TRUE(producer.Send(Text("c")).Get(kLong).has_value());
    ASSERT_TRUE(producer.Send(Text("d")).Get(kLong).has_value());
    const std::vector<std::string> expected = what == What::kDropBefore
                                                  ? std::vector<std::string>{"a", "c", "d"}
                                                  : std::vector<std::string>{"a", "b", "c", "d"};
    EXPECT_EQ(broker_.Values(topic, 0), expected);
  }
}

TEST_F(ProducerSession, AConditionalMessageIsStoredAtItsOffsetOrNotAtAll) {
  Producer producer = Open(NoLinger());
  const auto send = [&producer](const std::string& value, std::optional<std::uint64_t> offset) {
    Message message = Text(value);
    message.expected_offset = offset;
    return producer.Send(std::move(message));
  };
  const auto first = send("a", 0);
  const auto late = send("b", 0);
  const auto plain = send("c", std::nullopt);
  EXPECT_TRUE(first.Get(kLong).has_value());
  EXPECT_EQ(late.Get(kLong).error().code, ErrorCode::kOffsetMismatch);
  EXPECT_EQ(plain.Get(kLong)->offset, 1u);
  Message nowhere = Text("d", std::nullopt);
  nowhere.expected_offset = 2;
  EXPECT_EQ(producer.Send(std::move(nowhere)).Get(kLong).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ProducerSession, AForgottenSessionIsReplaced) {
  Producer producer = Open(NoLinger());
  ASSERT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
  broker_.ForgetSessions("orders", 0);
  ASSERT_TRUE(producer.Send(Text("b")).Get(kLong).has_value());
  EXPECT_EQ(stored(), std::vector<std::string>({"a", "b"}));
  const auto headers = broker_.Headers("orders", 0);
  EXPECT_GT(headers[1].producer.session, headers[0].producer.session);
  EXPECT_EQ(headers[1].producer.base_sequence, 0u);
}

TEST_F(ProducerSession, WhatMayBeStoredInAForgottenSessionEndsAsUnknown) {
  Producer producer = Open(NoLinger());
  ASSERT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
  broker_.SetHook([count = 0](const wire::Message& message) mutable -> FakeBroker::Verdict {
    if (!std::holds_alternative<wire::ProduceRequest>(message.body)) return {};
    ++count;
    if (count == 1) return {.what = What::kDropAfter};
    return count == 2 ? Refuse(ErrorCode::kUnknownSession) : FakeBroker::Verdict{};
  });
  EXPECT_FALSE(ErrorOf(producer.Send(Text("b")).Get(kLong)).definite());
  ASSERT_TRUE(producer.Send(Text("c")).Get(kLong).has_value());
  EXPECT_EQ(stored(), std::vector<std::string>({"a", "b", "c"}));
}

TEST_F(ProducerSession, ANamedProducerGoesOnBehindItsPredecessor) {
  {
    Producer first = Open(Named("relay"));
    EXPECT_EQ(first.ResumedSequence(0).value_or(99), 0u);
    for (const char* value : {"a", "b", "c"})
      ASSERT_TRUE(first.Send(Text(value)).Get(kLong).has_value());
  }
  Producer second = Open(Named("relay"));
  EXPECT_EQ(second.ResumedSequence(0).value_or(99), 3u);
  EXPECT_EQ(second.ResumedSequence(1).value_or(99), 0u);
  ASSERT_TRUE(second.Send(Text("d")).Get(kLong).has_value());
  EXPECT_EQ(second.ResumedSequence(0).value_or(99), 3u);
  const auto headers = broker_.Headers("orders", 0);
  EXPECT_EQ(headers.back().producer.session, headers.front().producer.session);
  EXPECT_EQ(headers.back().producer.session_epoch, 1u);
  EXPECT_EQ(headers.back().producer.base_sequence, 3u);
}

TEST_F(ProducerSession, OnlyANamedProducerHasAPositionToResume) {
  Producer producer = Open(NoLinger());
  EXPECT_EQ(ErrorOf(producer.ResumedSequence(0)).code, ErrorCode::kInvalidArgument);
  Producer named = Open(Named("relay"));
  EXPECT_EQ(ErrorOf(named.ResumedSequence(3)).code, ErrorCode::kInvalidArgument);
}

TEST_F(ProducerSession, ANamedProducerThatWasForgottenOpensItsSessionAgain) {
  Producer producer = Open(Named("relay"));
  ASSERT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
  broker_.ForgetSessions("orders", 0);
  ASSERT_TRUE(producer.Send(Text("b")).Get(kLong).has_value());
  EXPECT_EQ(stored(), std::vector<std::string>({"a", "b"}));
  const auto headers = broker_.Headers("orders", 0);
  EXPECT_EQ(headers[1].producer.session, headers[0].producer.session);
  EXPECT_EQ(headers[1].producer.base_sequence, 0u);
  EXPECT_EQ(producer.ResumedSequence(0).value_or(99), 0u);  // As it took over.
}

// A relay would begin from its first line again, and store everything twice.
TEST_F(ProducerSession, WhatANameHadStoredIsNotGuessedOnceItIsForgotten) {
  ASSERT_TRUE(Open(Named("relay")).Send(Text("a")).Get(kLong).has_value());
  broker_.ForgetSessions("orders", 0);
  Producer producer = Open(Named("relay"));
  EXPECT_EQ(ErrorOf(producer.ResumedSequence(0)).code, ErrorCode::kUnknownSession);
  EXPECT_TRUE(producer.Send(Text("b")).Get(kLong).has_value());
}

// What was sent before the session is open is numbered when it is.
TEST_F(ProducerSession, SendsWaitForTheirSession) {
  broker_.SetHook(FaultAlways<wire::OpenSessionRequest>({.what = What::kHold}));
  Producer producer = Open([] {
    ProducerConfig config = Named("relay");
    config.batch_bytes = 150;
    return config;
  }());
  Outcomes outcomes;
  for (const std::string& value : Numbered(20)) producer.Send(Text(value), outcomes.Next());
  while (broker_.held() == 0) std::this_thread::yield();
  broker_.Release();
  ASSERT_TRUE(producer.Flush(kLong).has_value());
  EXPECT_EQ(outcomes.acked(), 20);
  EXPECT_EQ(stored(), Numbered(20));
}

TEST_F(ProducerSession, AZombieIsFencedAndEndsWhole) {
  Producer zombie = Open(Named("relay"));
  ASSERT_TRUE(zombie.Send(Text("a", 0)).Get(kLong).has_value());
  ASSERT_TRUE(zombie.Send(Text("a", 1)).Get(kLong).has_value());
  EXPECT_EQ(broker_.TakeOver("relay", "orders", 0), 1u);
  EXPECT_EQ(ErrorOf(zombie.Send(Text("b", 0)).Get(kLong)).code, ErrorCode::kFenced);
  // At once, and in every partition: also where the successor has not been yet.
  const auto late = zombie.Send(Text("b", 1));
  ASSERT_TRUE(late.IsReady());
  EXPECT_EQ(ErrorOf(late.Get(kLong)).code, ErrorCode::kFenced);
  EXPECT_EQ(ErrorOf(zombie.ResumedSequence(0)).code, ErrorCode::kFenced);
  EXPECT_EQ(ErrorOf(zombie.ResumedSequence(2)).code, ErrorCode::kFenced);
  EXPECT_EQ(stored(), std::vector<std::string>({"a"}));
  EXPECT_TRUE(zombie.Close(kLong).has_value());
}

TEST_F(ProducerSession, AZombieIsFencedWhereItComesToFirst) {
  Producer zombie = Open(Named("relay"));
  (void)broker_.TakeOver("relay", "orders", 0);
  EXPECT_EQ(ErrorOf(zombie.Send(Text("a", 0)).Get(kLong)).code, ErrorCode::kFenced);
  EXPECT_TRUE(stored().empty());
}

TEST_F(ProducerSession, WhatMayBeStoredBeforeATakeoverIsUnknown) {
  Producer zombie = Open(Named("relay"));
  ASSERT_TRUE(zombie.Send(Text("a")).Get(kLong).has_value());
  broker_.SetHook([count = 0](const wire::Message& message) mutable -> FakeBroker::Verdict {
    if (!std::holds_alternative<wire::ProduceRequest>(message.body)) return {};
    return ++count == 1 ? FakeBroker::Verdict{.what = What::kDropAfter}
                        : Refuse(ErrorCode::kFenced);
  });
  EXPECT_FALSE(ErrorOf(zombie.Send(Text("b")).Get(kLong)).definite());
  EXPECT_EQ(ErrorOf(zombie.Send(Text("c")).Get(kLong)).code, ErrorCode::kFenced);
}

// How many are stored must say which: a relay skips as many.
TEST_F(ProducerSession, ANamedProducerLeavesNothingOut) {
  ProducerConfig config = OneByOne();
  config.name = "relay";
  Producer producer = Open(config);
  broker_.SetHook(FaultAt<wire::ProduceRequest>({3}, Refuse(ErrorCode::kBatchTooLarge)));
  Outcomes outcomes;
  for (const std::string& value : Numbered(10)) producer.Send(Text(value), outcomes.Next());
  ASSERT_TRUE(producer.Flush(kLong).has_value());
  EXPECT_EQ(outcomes.acked(), 2);
  EXPECT_EQ(outcomes.Count(ErrorCode::kBatchTooLarge), 1);
  EXPECT_EQ(outcomes.Count(ErrorCode::kSequenceGap), 7);
  EXPECT_EQ(stored(), Numbered(2));
  Producer next = Open(config);
  EXPECT_EQ(next.ResumedSequence(0).value_or(99), 2u);
}

// It cannot say whether "b" is stored, and must not put "c" in its place.
TEST_F(ProducerSession, ANamedProducerStopsWhereItCannotKnowWhatIsStored) {
  ProducerConfig config = Named("relay");
  config.delivery_timeout = std::chrono::milliseconds(1'000);
  Producer producer = Open(config);
  ASSERT_TRUE(producer.Send(Text("a")).Get(kLong).has_value());
  broker_.SetHook(FaultAlways<wire::ProduceRequest>({.what = What::kDropBefore}));
  EXPECT_FALSE(ErrorOf(producer.Send(Text("b")).Get(kLong)).definite());
  broker_.SetHook(nullptr);
  EXPECT_EQ(ErrorOf(producer.Send(Text("c")).Get(kLong)).code, ErrorCode::kSequenceGap);
  EXPECT_EQ(ErrorOf(producer.Send(Text("d")).Get(kLong)).code, ErrorCode::kSequenceGap);
  EXPECT_TRUE(producer.Send(Text("e", 1)).Get(kLong).has_value());
  Producer next = Open(config);
  EXPECT_EQ(next.ResumedSequence(0).value_or(99), 1u);
  EXPECT_TRUE(next.Send(Text("b")).Get(kLong).has_value());
  EXPECT_EQ(stored(), std::vector<std::string>({"a", "b"}));
}

TEST_F(ProducerSession, ReadsItsSettingsFromText) {
  const auto config = ProducerConfig::FromMap({{"topic", "orders"},
                                               {"acks", "quorum"},
                                               {"enable.idempotence", "true"},
                                               {"producer.name", "relay"}});
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->idempotence, true);
  EXPECT_EQ(config->name, "relay");
  EXPECT_EQ(ProducerConfig::FromMap({{"idempotence", "false"}})->idempotence, false);
  EXPECT_EQ(ErrorOf(ProducerConfig::FromMap({{"idempotence", "perhaps"}})).code,
            ErrorCode::kBadConfig);
}

}  // namespace
}  // namespace raftmq::testing
