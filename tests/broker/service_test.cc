// A real raftmqd over the wire: produce, fetch, topics, restarts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "protocol/types/batch_header.h"
#include "tests/broker/broker_process.h"
#include "tests/broker/broker_steps.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Service : public ::testing::Test {
 protected:
  TemporaryDirectory data_;
  BrokerProcess broker_{{.data_directory = data_.path()}};
};

TEST_F(Service, GivesBackWhatWasProduced) {
  TopicClient topic(broker_.client(), "orders");
  EXPECT_EQ(Produce(topic.client, topic.group, {"a", "b"}), Offset(0));
  EXPECT_EQ(Produce(topic.client, topic.group, {"c"}), Offset(2));
  EXPECT_THAT(ReadAll(topic.client, topic.group), ElementsAre("a", "b", "c"));
}

TEST_F(Service, MetadataShowsTheEndAsSoonAsTheAckIsOut) {
  TopicClient topic(broker_.client(), "orders");
  Produce(topic.client, topic.group, {"a", "b"});
  const auto partition = Describe(topic.control, "orders").partitions.at(0);
  EXPECT_EQ(partition.end, Offset(2));
  EXPECT_EQ(partition.leader, NodeId(1));
  EXPECT_EQ(partition.replicas.at(0).durable, Offset(2));
}

TEST_F(Service, StreamPushesWhatComesAndStopsWithoutCredit) {
  TopicClient topic(broker_.client(), "orders");
  WireClient producer(broker_.client());
  producer.Hello(ShardOf(topic.control, "orders"));
  const auto stream =
      topic.client.Send(wire::FetchRequest{.group = topic.group, .credit_bytes = 1});
  // At the end: one empty answer says so.
  EXPECT_TRUE(As<wire::FetchData>(topic.client.Receive()).end == Offset(0));
  Produce(producer, topic.group, {"first"});
  const auto first = topic.client.Receive();
  EXPECT_EQ(first->message.request_id, stream);
  EXPECT_THAT(ValuesOf(first->attachment.view()), ElementsAre("first"));
  Produce(producer, topic.group, {"second"});
  // The credit is used up: an answer to something else comes first.
  EXPECT_TRUE(std::holds_alternative<wire::MetadataReply>(
      topic.client.Call(wire::MetadataRequest{})->message.body));
  topic.client.Send(wire::FetchCredit{.stream = stream, .credit_bytes = 1 << 20});
  EXPECT_THAT(ValuesOf(topic.client.Receive()->attachment.view()), ElementsAre("second"));
}

TEST_F(Service, LongPollAnswersWhenDataComesOrItsWaitIsOver) {
  TopicClient topic(broker_.client(), "orders");
  const auto empty = topic.client.Call(wire::FetchRequest{
      .group = topic.group, .credit_bytes = 1 << 20, .one_answer = true, .wait_ms = 20});
  EXPECT_TRUE(As<wire::FetchData>(empty).last);
  EXPECT_EQ(empty->attachment.size(), 0u);
  topic.client.Send(wire::FetchRequest{
      .group = topic.group, .credit_bytes = 1 << 20, .one_answer = true, .wait_ms = 60'000});
  WireClient producer(broker_.client());
  producer.Hello(ShardOf(topic.control, "orders"));
  Produce(producer, topic.group, {"late"});
  EXPECT_THAT(ValuesOf(topic.client.Receive()->attachment.view()), ElementsAre("late"));
}

TEST_F(Service, WeakerAcksAnswerOrStaySilent) {
  TopicClient topic(broker_.client(), "orders");
  const ByteBuffer batch = MakeBatch({"x"});
  const auto reply = topic.client.Call(
      wire::ProduceRequest{.group = topic.group, .acks = wire::Acks::kLeaderMemory}, batch.span());
  EXPECT_EQ(As<wire::ProduceReply>(reply).base_offset, Offset(0));
  topic.client.Send(wire::ProduceRequest{.group = topic.group, .acks = wire::Acks::kNone},
                    batch.span());
  EXPECT_EQ(Produce(topic.client, topic.group, {"y"}), Offset(2));
}

TEST_F(Service, WrongShardIsNamed) {
  TopicClient topic(broker_.client(), "orders");
  const std::uint32_t right = ShardOf(topic.control, "orders");
  WireClient other(broker_.client());
  const auto hello = other.Hello();
  if (hello.shards < 2) GTEST_SKIP() << "one shard only";
  WireClient wrong(broker_.client());
  wrong.Hello((right + 1) % hello.shards);
  const ByteBuffer batch = MakeBatch({"x"});
  const Error error = ErrorOf(wrong.Call(wire::ProduceRequest{.group = topic.group}, batch.span()));
  EXPECT_EQ(error.code, ErrorCode::kNotLeader);
  EXPECT_THAT(error.message, HasSubstr("shard " + std::to_string(right)));
}

TEST_F(Service, OffsetsOutsideTheLogAreNamedWithTheirBounds) {
  TopicClient topic(broker_.client(), "orders");
  Produce(topic.client, topic.group, {"a", "b", "c"});
  const auto beyond = topic.client.Call(wire::FetchRequest{
      .group = topic.group, .offset = Offset(9), .credit_bytes = 1, .one_answer = true});
  EXPECT_EQ(ErrorOf(beyond).code, ErrorCode::kOffsetBeyondEnd);
  EXPECT_EQ(As<wire::ErrorReply>(beyond).end, Offset(3));
  const auto trimmed =
      topic.client.Call(wire::TrimRequest{.group = topic.group, .offset = Offset(2)});
  EXPECT_EQ(As<wire::TrimReply>(trimmed).log_start, Offset(2));
  const auto below = topic.client.Call(wire::FetchRequest{
      .group = topic.group, .offset = Offset(0), .credit_bytes = 1, .one_answer = true});
  EXPECT_EQ(ErrorOf(below).code, ErrorCode::kOffsetBelowStart);
  EXPECT_EQ(As<wire::ErrorReply>(below).log_start, Offset(2));
  // As a signed number: -5.
  const auto negative = topic.client.Call(wire::FetchRequest{
      .group = topic.group, .offset = Offset(~0ull - 4), .credit_bytes = 1, .one_answer = true});
  EXPECT_EQ(ErrorOf(negative).code, ErrorCode::kOffsetBeyondEnd);
}

// It is told where the log begins now, and goes nowhere by itself.
TEST_F(Service, AStreamWhoseNextRecordIsTrimmedIsToldTheNewStart) {
  TopicClient topic(broker_.client(), "orders");
  Produce(topic.client, topic.group, {"a"});
  Produce(topic.client, topic.group, {"b"});
  Produce(topic.client, topic.group, {"c"});
  const auto stream =
      topic.client.Send(wire::FetchRequest{.group = topic.group, .credit_bytes = 1});
  EXPECT_THAT(ValuesOf(topic.client.Receive()->attachment.view()), ElementsAre("a"));
  WireClient other(broker_.client());
  other.Hello(ShardOf(topic.control, "orders"));
  As<wire::TrimReply>(other.Call(wire::TrimRequest{.group = topic.group, .offset = Offset(2)}));
  topic.client.Send(wire::FetchCredit{.stream = stream, .credit_bytes = 1 << 20});
  const auto told = topic.client.Receive();
  EXPECT_EQ(ErrorOf(told).code, ErrorCode::kOffsetBelowStart);
  EXPECT_EQ(As<wire::ErrorReply>(told).log_start, Offset(2));
}

TEST_F(Service, APositionOfAnotherLogIsRefusedAndNothingIsReset) {
  TopicClient topic(broker_.client(), "orders");
  Produce(topic.client, topic.group, {"a", "b", "c"});
  wire::FetchRequest request{
      .group = topic.group, .offset = Offset(2), .credit_bytes = 1, .one_answer = true};
  const auto read = topic.client.Call(request);
  request.term_before = ParseBatchHeader(read->attachment.view())->leader.term;
  EXPECT_THAT(ValuesOf(topic.client.Call(request)->attachment.view()), ElementsAre("a", "b", "c"));
  request.term_before = request.term_before.Next();
  request.end_seen = Offset(100);  // Of the other log: not worth waiting for.
  for (const bool one_answer : {true, false}) {
    request.one_answer = one_answer;
    const auto diverged = topic.client.Call(request);
    EXPECT_EQ(ErrorOf(diverged).code, ErrorCode::kPositionDiverged);
    EXPECT_EQ(As<wire::ErrorReply>(diverged).log_start, Offset(0));
    EXPECT_EQ(As<wire::ErrorReply>(diverged).end, Offset(3));
  }
  request.term_before = Term();
  EXPECT_EQ(ErrorOf(topic.client.Call(request)).code, ErrorCode::kNotYet);
}

TEST_F(Service, FindsOffsetsByTime) {
  TopicClient topic(broker_.client(), "orders");
  Produce(topic.client, topic.group, {"a", "b"});
  const auto first = topic.client.Call(
      wire::ListOffsetsRequest{.group = topic.group, .timestamp_ms = 1'600'000'000'000});
  EXPECT_EQ(As<wire::ListOffsetsReply>(first).offset, Offset(0));
  const auto end = topic.client.Call(
      wire::ListOffsetsRequest{.group = topic.group, .timestamp_ms = 1'800'000'000'000});
  EXPECT_EQ(As<wire::ListOffsetsReply>(end).offset, Offset(2));
  EXPECT_EQ(As<wire::ListOffsetsReply>(end).timestamp_ms, -1);
}

TEST_F(Service, TopicsAreCreatedAndDeletedOnce) {
  WireClient client(broker_.client());
  client.Hello();
  const TopicId id = CreateTopic(client, "orders", 3);
  EXPECT_EQ(ErrorOf(client.Call(wire::CreateTopicRequest{.name = "orders"})).code,
            ErrorCode::kTopicExists);
  EXPECT_EQ(Describe(client, "orders").partitions.size(), 3u);
  EXPECT_EQ(Describe(client, "ordres").error.message,
            "there is no topic 'ordres'; did you mean 'orders'?");
  As<wire::EmptyReply>(client.Call(wire::DeleteTopicRequest{.name = "orders"}));
  EXPECT_EQ(Describe(client, "orders").error.code, ErrorCode::kTopicNotFound);
  EXPECT_EQ(ErrorOf(client.Call(wire::DeleteTopicRequest{.name = "orders"})).code,
            ErrorCode::kTopicNotFound);
  EXPECT_NE(CreateTopic(client, "orders"), id);
}

TEST_F(Service, DeletingATopicEndsItsStreams) {
  TopicClient topic(broker_.client(), "orders");
  topic.client.Send(wire::FetchRequest{.group = topic.group, .credit_bytes = 1000});
  As<wire::FetchData>(topic.client.Receive());
  As<wire::EmptyReply>(topic.control.Call(wire::DeleteTopicRequest{.name = "orders"}));
  EXPECT_EQ(ErrorOf(topic.client.Receive()).code, ErrorCode::kTopicNotFound);
}

TEST_F(Service, RefusesWhatCannotBeATopic) {
  WireClient client(broker_.client());
  client.Hello();
  for (const std::string& name :
       {std::string("../../x"), std::string("a/b"), std::string("a\0b", 3), std::string(),
        std::string(300, 'x'), std::string("."), std::string(".."), std::string("\u202Eevil"),
        std::string("__cluster")}) {
    EXPECT_EQ(ErrorOf(client.Call(wire::CreateTopicRequest{.name = name})).code,
              ErrorCode::kBadName)
        << name;
  }
  const auto refused = [&client](std::uint32_t partitions, std::uint32_t replicas) {
    return ErrorOf(client.Call(
        wire::CreateTopicRequest{.name = "t", .partitions = partitions, .replicas = replicas}));
  };
  EXPECT_EQ(refused(0, 1).code, ErrorCode::kBadRequest);
  EXPECT_EQ(refused(1025, 1).code, ErrorCode::kBadRequest);
  EXPECT_THAT(refused(1, 3).message, HasSubstr("3 replicas need as many nodes"));
  const Error unknown = ErrorOf(
      client.Call(wire::CreateTopicRequest{.name = "t", .settings = {{"retention.mss", "1"}}}));
  EXPECT_THAT(unknown.message, HasSubstr("did you mean 'retention.ms'?"));
  EXPECT_TRUE(As<wire::MetadataReply>(client.Call(wire::MetadataRequest{})).topics.empty());
}

TEST_F(Service, SurvivesKillWithEverythingAcked) {
  std::vector<std::string> acked;
  {
    TopicClient topic(broker_.client(), "orders");
    for (int i = 0; i < 200; ++i) {
      acked.push_back("value-" + std::to_string(i));
      Produce(topic.client, topic.group, {acked.back()});
    }
  }
  broker_.Signal(SIGKILL);
  ASSERT_EQ(broker_.WaitForExit(kPatience), 128 + SIGKILL);
  BrokerProcess again({.data_directory = data_.path()});
  ASSERT_TRUE(again.IsReady()) << again.Stderr();
  TopicClient topic(again.client(), "orders");
  EXPECT_EQ(ReadAll(topic.client, topic.group), acked);
  EXPECT_EQ(Produce(topic.client, topic.group, {"after"}), Offset(200));
}

TEST_F(Service, DrainsOnSigtermAndComesBack) {
  TopicClient topic(broker_.client(), "orders");
  Produce(topic.client, topic.group, {"kept"});
  broker_.Signal(SIGTERM);
  EXPECT_EQ(broker_.WaitForExit(kPatience), 0) << broker_.Stderr();
  BrokerProcess again({.data_directory = data_.path(), .sets = {"node.shards=3"}});
  ASSERT_TRUE(again.IsReady()) << again.Stderr();
  TopicClient read(again.client(), "orders");
  EXPECT_THAT(ReadAll(read.client, read.group), ElementsAre("kept"));
}

TEST_F(Service, HealthAndMetricsAnswer) {
  TopicClient topic(broker_.client(), "orders");
  Produce(topic.client, topic.group, {"a"});
  EXPECT_EQ(HttpGet(broker_.http(), "/livez").status, 200);
  EXPECT_EQ(HttpGet(broker_.http(), "/readyz").status, 200);
  const auto metrics = HttpGet(broker_.http(), "/metrics");
  for (const char* line :
       {"raftmq_topic_messages_total{direction=\"in\",topic=\"orders\"} 1",
        "raftmq_cluster_topics 1", "raftmq_storage_segments",
        "raftmq_storage_fsync_duration_seconds_count", "raftmq_request_duration_seconds_bucket"}) {
    EXPECT_THAT(metrics.body, HasSubstr(line));
  }
}

// More topics than the work pool's queue takes (IoPoolOptions::queued_max).
TEST_F(Service, ManyTopicsAreAllThereAfterARestart) {
  constexpr int kTopics = 400;
  TemporaryDirectory data;
  const BrokerProcess::Options options{.data_directory = data.path(),
                                       .sets = {"node.shards=1", "storage.unsafe_no_sync=true"}};
  {
    BrokerProcess before(options);
    WireClient client(before.client());
    client.Hello();
    for (int i = 0; i < kTopics; ++i) CreateTopic(client, "topic-" + std::to_string(i));
    before.Signal(SIGTERM);
    ASSERT_EQ(before.WaitForExit(kPatience), 0);
  }
  BrokerProcess after(options);
  ASSERT_TRUE(after.IsReady());
  EXPECT_THAT(HttpGet(after.http(), "/metrics").body,
              HasSubstr("\nraftmq_storage_lost_partitions 0\n"));
  EXPECT_EQ(after.Stderr().find("cannot be opened"), std::string::npos);
}

}  // namespace
}  // namespace raftmq::testing
