// Producers' sessions over the wire: how a broker allots them, and what it answers to batches that
// carry them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <optional>
#include <string>
#include <vector>

#include "protocol/types/batch_builder.h"
#include "tests/broker/broker_process.h"
#include "tests/broker/broker_steps.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {
namespace {

class Sessions : public ::testing::Test {
 protected:
  Sessions() { Start(); }
  void Start() {
    broker_.emplace(BrokerProcess::Options{.data_directory = data_.path()});
    client_.emplace(broker_->client());
    client_->Hello();
  }
  wire::InitProducerReply Ask(const std::string& name) {
    return As<wire::InitProducerReply>(client_->Call(wire::InitProducerRequest{.name = name}));
  }

  // A batch of these values at `sequence`.
  static ByteBuffer Batch(const wire::InitProducerReply& session, std::uint32_t sequence,
                          const std::vector<std::string>& values) {
    BatchBuilder builder(kBatchBytesMax);
    for (const std::string& value : values)
      EXPECT_TRUE(builder.Append({.value = value, .timestamp_ms = 1000}));
    return builder.Finish(
        {.session = session.session, .session_epoch = session.epoch, .base_sequence = sequence});
  }
  static Result<WireClient::Reply> Produce(TopicClient& topic, const ByteBuffer& batch) {
    return topic.client.Call(wire::ProduceRequest{.group = topic.group}, batch.span());
  }
  static Offset BaseOf(const Result<WireClient::Reply>& reply) {
    return As<wire::ProduceReply>(reply).base_offset;
  }
  static Result<WireClient::Reply> Open(TopicClient& topic,
                                        const wire::InitProducerReply& session) {
    return topic.client.Call(wire::OpenSessionRequest{
        .group = topic.group, .session = session.session, .epoch = session.epoch});
  }

  TemporaryDirectory data_;
  std::optional<BrokerProcess> broker_;
  std::optional<WireClient> client_;
};

TEST_F(Sessions, WithoutANameRise) {
  const auto first = Ask("");
  const auto second = Ask("");
  EXPECT_NE(first.session, SessionId());
  EXPECT_GT(second.session, first.session);
  EXPECT_EQ(second.epoch, 0u);
}

TEST_F(Sessions, OfANameAreOneWithRisingEpochsOverRestarts) {
  const auto first = Ask("relay");
  const auto second = Ask("relay");
  EXPECT_EQ(second.session, first.session);
  EXPECT_EQ(second.epoch, first.epoch + 1);
  const auto other = Ask("audit");
  EXPECT_NE(other.session, first.session);
  broker_->Signal(SIGKILL);
  Start();
  EXPECT_EQ(Ask("relay"), (wire::InitProducerReply{first.session, first.epoch + 2}));
  EXPECT_GT(Ask("").session, other.session);
}

TEST_F(Sessions, NamesThatCannotBeAreRefused) {
  for (const std::string& name :
       {std::string("a/b"), std::string("../x"), std::string(201, 'x'), std::string("a\0b", 3),
        std::string("__cluster"), std::string("a\n")}) {
    EXPECT_EQ(ErrorOf(client_->Call(wire::InitProducerRequest{.name = name})).code,
              ErrorCode::kBadName);
  }
}

TEST_F(Sessions, ThatAreNoneOrOfNoPartitionAreRefused) {
  TopicClient topic(broker_->client(), "orders");
  EXPECT_EQ(ErrorOf(topic.client.Call(wire::OpenSessionRequest{.group = topic.group})).code,
            ErrorCode::kBadRequest);
  GroupId beyond = topic.group;
  beyond.partition = PartitionNumber(9);
  EXPECT_EQ(
      ErrorOf(topic.client.Call(wire::OpenSessionRequest{.group = beyond, .session = SessionId(1)}))
          .code,
      ErrorCode::kPartitionNotFound);
}

// The reply to the first attempt is lost with its connection; the second comes to the same broker,
// the third to its next life.
TEST_F(Sessions, ALostReplyLeadsToOneCopy) {
  const auto session = Ask("");
  TopicClient topic(broker_->client(), "orders");
  const ByteBuffer batch = Batch(session, 0, {"a", "b"});
  {
    WireClient cut(broker_->client());
    cut.Hello(ShardOf(topic.control, "orders"));
    cut.Send(wire::ProduceRequest{.group = topic.group}, batch.span());
    while (Describe(topic.control, "orders").partitions.at(0).end == Offset(0)) {
    }
  }
  EXPECT_EQ(BaseOf(Produce(topic, batch)), Offset(0));
  EXPECT_EQ(BaseOf(Produce(topic, Batch(session, 2, {"c"}))), Offset(2));
  broker_->Signal(SIGKILL);
  Start();
  WireClient again(broker_->client());
  again.Hello(ShardOf(*client_, "orders"));
  EXPECT_EQ(BaseOf(again.Call(wire::ProduceRequest{.group = topic.group}, batch.span())),
            Offset(0));
  EXPECT_THAT(ReadAll(again, topic.group), ::testing::ElementsAre("a", "b", "c"));
}

TEST_F(Sessions, BatchesThatDoNotFollowAreNamedAndLeaveNothing) {
  const auto session = Ask("");
  TopicClient topic(broker_->client(), "orders");
  const auto code = [&topic](const ByteBuffer& batch) {
    return ErrorOf(Produce(topic, batch)).code;
  };
  EXPECT_EQ(code(Batch(session, 1, {"x"})), ErrorCode::kUnknownSession);
  EXPECT_EQ(BaseOf(Produce(topic, Batch(session, 0, {"a", "b"}))), Offset(0));
  EXPECT_EQ(code(Batch(session, 3, {"x"})), ErrorCode::kSequenceGap);
  EXPECT_EQ(code(Batch(session, 0x7FFFFFFF, {"x"})), ErrorCode::kSequenceGap);
  EXPECT_EQ(code(Batch(session, 0xFFFFFFFF, {"x"})), ErrorCode::kSequenceGap);
  EXPECT_EQ(code(Batch(session, 1, {"b", "c"})), ErrorCode::kSequenceOverlap);
  EXPECT_EQ(code(Batch(session, 0, {"a"})), ErrorCode::kSequenceOverlap);
  EXPECT_THAT(ReadAll(topic.client, topic.group), ::testing::ElementsAre("a", "b"));
}

TEST_F(Sessions, AHigherEpochFencesTheLowerOnes) {
  TopicClient topic(broker_->client(), "orders");
  const auto zombie = Ask("relay");
  EXPECT_EQ(As<wire::OpenSessionReply>(Open(topic, zombie)), (wire::OpenSessionReply{0, 0}));
  EXPECT_EQ(BaseOf(Produce(topic, Batch(zombie, 0, {"a", "b"}))), Offset(0));
  const auto relay = Ask("relay");
  EXPECT_EQ(As<wire::OpenSessionReply>(Open(topic, relay)), (wire::OpenSessionReply{1, 2}));
  EXPECT_EQ(As<wire::OpenSessionReply>(Open(topic, relay)), (wire::OpenSessionReply{1, 2}));
  EXPECT_EQ(ErrorOf(Open(topic, zombie)).code, ErrorCode::kFenced);
  EXPECT_EQ(ErrorOf(Produce(topic, Batch(zombie, 2, {"x"}))).code, ErrorCode::kFenced);
  EXPECT_EQ(ErrorOf(Produce(topic, Batch(zombie, 0, {"a", "b"}))).code, ErrorCode::kFenced);
  EXPECT_EQ(BaseOf(Produce(topic, Batch(relay, 2, {"c"}))), Offset(2));
  EXPECT_THAT(ReadAll(topic.client, topic.group), ::testing::ElementsAre("a", "b", "c"));
}

TEST_F(Sessions, OfTwoConditionalAppendsOneIsStored) {
  TopicClient topic(broker_->client(), "conditional");
  BatchBuilder builder(kBatchBytesMax);
  EXPECT_TRUE(builder.Append({.value = "a", .timestamp_ms = 1000}));
  const ByteBuffer batch = builder.Finish({});
  const wire::ProduceRequest request{.group = topic.group, .base_offset = Offset(0)};
  EXPECT_EQ(BaseOf(topic.client.Call(request, batch.span())), Offset(0));
  const auto second = topic.client.Call(request, batch.span());
  EXPECT_EQ(ErrorOf(second).code, ErrorCode::kOffsetMismatch);
}

}  // namespace
}  // namespace raftmq::testing
