// Hostile and broken clients (RELIABILITY.md section 4, rows E01 to E31): each gets a clear answer
// in bounded time and memory, and nobody else notices.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <random>
#include <thread>

#include "protocol/types/batch_header.h"
#include "protocol/wire/codec.h"
#include "tests/broker/broker_process.h"
#include "tests/broker/broker_steps.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t kMiB = 1u << 20;

class BadInput : public ::testing::Test {
 protected:
  explicit BadInput(std::vector<std::string> sets = {})
      : broker_({.data_directory = data_.path(), .sets = std::move(sets)}) {}

  // The broker still serves others.
  void ExpectServing() {
    TopicClient topic(broker_.client(), "check");
    Produce(topic.client, topic.group, {"x"});
  }
  static std::string LengthPrefix(std::uint32_t length) {
    return {reinterpret_cast<const char*>(&length), sizeof length};
  }

  TemporaryDirectory data_;
  BrokerProcess broker_;
};

class BadInputWithShortDeadlines : public BadInput {
 protected:
  BadInputWithShortDeadlines()
      : BadInput({"limits.hello_deadline=200ms", "limits.idle=1s", "limits.body_grace=1s"}) {}
};

class BadInputWithFewConnections : public BadInput {
 protected:
  BadInputWithFewConnections() : BadInput({"limits.connections=20"}) {}
};

class BadInputWithFewTopics : public BadInput {
 protected:
  BadInputWithFewTopics() : BadInput({"limits.topics=5"}) {}
};

TEST_F(BadInput, NonsenseLengthsCloseTheConnection) {  // E01
  for (const std::uint32_t length : {0u, 1u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    WireClient client(broker_.client());
    client.SendRaw(AsBytes(LengthPrefix(length) + std::string(12, '\0')));
    const auto reply = client.Receive();
    EXPECT_THAT(ErrorOf(reply).code, AnyOf(ErrorCode::kBadFrame, ErrorCode::kDisconnected))
        << length;
    EXPECT_TRUE(client.WaitForClose());
  }
  ExpectServing();
}

TEST_F(BadInput, FramesAboveTheLimitAreRefusedBeforeAndAfterTheHello) {  // E02
  const ByteBuffer large(9 * kMiB);
  WireClient before(broker_.client());
  before.Send(wire::MetadataRequest{}, large.span().first(10'000));
  EXPECT_EQ(ErrorOf(before.Receive()).code, ErrorCode::kFrameTooLarge);
  EXPECT_TRUE(before.WaitForClose());
  WireClient after(broker_.client());
  after.Hello();
  after.SendRaw(wire::EncodeHead({1, wire::MetadataRequest{}}, large.size()).view());
  EXPECT_TRUE(after.WaitForClose());
  ExpectServing();
}

TEST_F(BadInputWithShortDeadlines, ABodyThatDoesNotComeIsCutOff) {  // E03
  TopicClient topic(broker_.client(), "orders");
  topic.client.SendRaw(
      wire::EncodeHead({1, wire::ProduceRequest{.group = topic.group}}, 4 * kMiB).view());
  const std::uint64_t before = broker_.ResidentBytes();
  EXPECT_TRUE(topic.client.WaitForClose());
  EXPECT_LT(broker_.ResidentBytes(), before + 8 * kMiB);
}

TEST_F(BadInputWithShortDeadlines, ASilentConnectionIsClosed) {
  WireClient client(broker_.client());
  EXPECT_TRUE(client.WaitForClose());
  WireClient idle(broker_.client());
  idle.Hello();
  EXPECT_TRUE(idle.WaitForClose());
}

TEST_F(BadInputWithShortDeadlines, AConsumerAtTheEndIsNotIdle) {
  TopicClient topic(broker_.client(), "orders");
  topic.client.Send(wire::FetchRequest{.group = topic.group, .credit_bytes = 1000});
  As<wire::FetchData>(topic.client.Receive());
  EXPECT_FALSE(topic.client.WaitForClose(std::chrono::milliseconds(2500)));
}

TEST_F(BadInputWithFewConnections, SilentConnectsLeaveRoomAgainWhenTheyGo) {  // E04
  WireClient first(broker_.client());
  first.Hello();
  {
    std::vector<std::unique_ptr<WireClient>> silent;
    for (int i = 0; i < 500; ++i) silent.push_back(std::make_unique<WireClient>(broker_.client()));
    EXPECT_TRUE(silent.back()->WaitForClose());
    As<wire::MetadataReply>(first.Call(wire::MetadataRequest{}));
  }
  EXPECT_THAT(broker_.Stderr(), HasSubstr("turned away"));
  // Their places come back as the broker notices that they are gone.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    WireClient again(broker_.client());
    again.Send(wire::HelloRequest{});
    if (again.Receive()) return;
  }
  FAIL() << "no connection was accepted any more";
}

TEST_F(BadInput, OtherProtocolsAreClosedWithOneLogLine) {  // E05
  for (int i = 0; i < 20; ++i) {
    WireClient http(broker_.client());
    http.SendRaw(AsBytes("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_TRUE(http.WaitForClose());
  }
  WireClient tls(broker_.client());
  tls.SendRaw(AsBytes(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) +
                      std::string(100, 'x')));
  EXPECT_TRUE(tls.WaitForClose());
  const std::string log = broker_.Stderr();
  EXPECT_THAT(log, HasSubstr("looks like HTTP"));
  EXPECT_EQ(log.find("looks like HTTP"), log.rfind("looks like HTTP"));
  ExpectServing();
}

TEST_F(BadInput, RandomBytesAreShruggedOff) {  // E06, scaled.
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200; ++i) {
    WireClient client(broker_.client());
    std::string bytes(random() % 4000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    client.SendRaw(AsBytes(bytes));
  }
  ExpectServing();
  EXPECT_LT(broker_.Stderr().size(), 20'000u);
}

TEST_F(BadInput, DamagedMessagesAreAnsweredByName) {  // E07, E08
  TopicClient topic(broker_.client(), "orders");
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 300; ++i) {
    WireClient client(broker_.client());
    client.Hello();
    const SharedBytes good = wire::EncodeHead(
        {7, wire::CreateTopicRequest{.name = "../bad", .settings = {{"a", "b"}}}}, 0);
    std::string bytes(AsText(good.view()));
    const std::size_t at =
        wire::kFrameHeaderBytes + random() % (bytes.size() - wire::kFrameHeaderBytes);
    bytes[at] = static_cast<char>(random());
    const ByteSpan message = AsBytes(bytes).subspan(wire::kFrameHeaderBytes);
    wire::PutFrameHeader(reinterpret_cast<std::byte*>(bytes.data()), message, 0);
    client.SendRaw(AsBytes(bytes));
    // Framing is whole, so the connection stays, and what follows is answered. (A flip may have
    // made another request of it, one without an answer too, or a second hello, which closes.)
    client.SendAs(999, wire::MetadataRequest{});
    auto reply = client.Receive();
    while (reply && reply->message.request_id != 999) reply = client.Receive();
    EXPECT_THAT(ErrorOf(reply).code, AnyOf(ErrorCode::kOk, ErrorCode::kDisconnected));
  }
  ExpectServing();
}

TEST_F(BadInput, RepliesSentAsRequestsAreUnsupportedAndTheConnectionStays) {  // E09
  WireClient client(broker_.client());
  client.Hello();
  EXPECT_EQ(ErrorOf(client.Call(wire::EmptyReply{})).code, ErrorCode::kUnsupported);
  As<wire::MetadataReply>(client.Call(wire::MetadataRequest{}));
  WireClient before(broker_.client());
  EXPECT_EQ(ErrorOf(before.Call(wire::MetadataRequest{})).code, ErrorCode::kUnsupported);
  EXPECT_TRUE(before.WaitForClose());
}

TEST_F(BadInput, VersionsAndShardsThatAreNotThereAreNamed) {
  WireClient future(broker_.client());
  EXPECT_EQ(ErrorOf(future.Call(wire::HelloRequest{.version_min = 2, .version_max = 9})).code,
            ErrorCode::kUnsupported);
  WireClient shard(broker_.client());
  EXPECT_EQ(ErrorOf(shard.Call(wire::HelloRequest{.shard = 999})).code, ErrorCode::kBadRequest);
}

TEST_F(BadInput, ASecondHelloClosesTheConnection) {  // E10
  WireClient client(broker_.client());
  client.Hello();
  client.Send(wire::HelloRequest{});
  EXPECT_TRUE(client.WaitForClose());
}

TEST_F(BadInput, ThePeerPortRefusesByName) {  // E14
  WireClient client(broker_.peer());
  client.Send(wire::HelloRequest{});
  EXPECT_TRUE(client.WaitForClose());
  EXPECT_THAT(broker_.Stderr(), HasSubstr("clients use the client port"));
  EXPECT_THAT(HttpGet(broker_.http(), "/metrics").body, HasSubstr("raftmq_peer_refused_total 1"));
}

TEST_F(BadInput, BatchesThatLieAreRefusedAndLeaveNothing) {  // E21
  TopicClient topic(broker_.client(), "orders");
  const auto refused = [&topic](const ByteBuffer& batch, std::size_t size) {
    return ErrorOf(topic.client.Call(wire::ProduceRequest{.group = topic.group},
                                     batch.span().first(size)))
        .code;
  };
  const ByteBuffer good = MakeBatch({"a", "b"});
  EXPECT_EQ(refused(good, 0), ErrorCode::kBadBatch);
  EXPECT_EQ(refused(good, 64), ErrorCode::kBadBatch);
  EXPECT_EQ(refused(good, good.size() - 8), ErrorCode::kBadBatch);
  for (std::size_t at = 0; at < good.size(); ++at) {
    ByteBuffer bad = MakeBatch({"a", "b"});
    bad.data()[at] ^= std::byte{1};
    EXPECT_THAT(refused(bad, bad.size()),
                AnyOf(ErrorCode::kBadBatch, ErrorCode::kUnknownFormat, ErrorCode::kBatchTooLarge))
        << "byte " << at;
  }
  EXPECT_EQ(Describe(topic.control, "orders").partitions.at(0).end, Offset(0));
}

TEST_F(BadInput, BatchesAboveTheTopicsLimitAreRefused) {
  TopicClient topic(broker_.client(), "small", {{"max.message.bytes", "1000"}});
  const ByteBuffer batch = MakeBatch({std::string(2000, 'x')});
  EXPECT_EQ(
      ErrorOf(topic.client.Call(wire::ProduceRequest{.group = topic.group}, batch.span())).code,
      ErrorCode::kBatchTooLarge);
  Produce(topic.client, topic.group, {std::string(500, 'x')});
}

TEST_F(BadInput, GroupsThatAreNotThereAreNamed) {
  TopicClient topic(broker_.client(), "orders");
  const auto error = [&topic](const GroupId& group) {
    return ErrorOf(topic.client.Call(wire::FetchRequest{.group = group, .one_answer = true})).code;
  };
  EXPECT_EQ(error({{7, 7}, PartitionNumber(0)}), ErrorCode::kTopicNotFound);
  EXPECT_EQ(error({topic.group.topic, PartitionNumber(1)}), ErrorCode::kPartitionNotFound);
  EXPECT_EQ(error({kClusterTopicId, PartitionNumber(0)}), ErrorCode::kTopicNotFound);
}

TEST_F(BadInput, OddFetchSizesAreClampedAndStreamsBounded) {  // E24
  TopicClient topic(broker_.client(), "orders");
  Produce(topic.client, topic.group, {"a"});
  const auto none = topic.client.Call(
      wire::FetchRequest{.group = topic.group, .credit_bytes = 0, .one_answer = true});
  EXPECT_EQ(ValuesOf(none->attachment.view()).size(), 1u);
  const auto all = topic.client.Call(wire::FetchRequest{
      .group = topic.group, .credit_bytes = ~0u, .one_answer = true, .wait_ms = ~0u});
  EXPECT_EQ(ValuesOf(all->attachment.view()).size(), 1u);
  Error last;
  for (int i = 0; i < 1100; ++i) {
    topic.client.Send(
        wire::FetchRequest{.group = topic.group, .offset = Offset(1), .credit_bytes = 1});
    last = ErrorOf(topic.client.Receive());
  }
  EXPECT_EQ(last.code, ErrorCode::kLimitExceeded);
}

TEST_F(BadInput, PipelinedFetchesThatAreNeverReadStayBounded) {  // E25
  TopicClient topic(broker_.client(), "orders");
  for (int i = 0; i < 8; ++i) Produce(topic.client, topic.group, {std::string(kMiB, 'x')});
  const std::uint64_t before = broker_.ResidentBytes();
  std::string requests;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto head = wire::EncodeHead(
        {i, wire::FetchRequest{.group = topic.group, .credit_bytes = 8u << 20, .one_answer = true}},
        0);
    requests += AsText(head.view());
  }
  WireClient hog(broker_.client());
  hog.Hello(ShardOf(topic.control, "orders"));
  std::thread sender([&] {  // Blocks when the broker stops reading, until it is cut.
    for (int i = 0; i < 1000 && hog.SendRaw(AsBytes(requests)); ++i) {
    }
  });
  for (int i = 0; i < 20; ++i) {  // Others go on meanwhile.
    Produce(topic.client, topic.group, {"y"});
  }
  EXPECT_LT(broker_.ResidentBytes(), before + 64 * kMiB);
  broker_.Signal(SIGKILL);
  sender.join();
}

TEST_F(BadInputWithFewTopics, TopicsAreLimited) {  // E20, scaled.
  WireClient client(broker_.client());
  client.Hello();
  for (int i = 0; i < 5; ++i) CreateTopic(client, "t" + std::to_string(i));
  EXPECT_EQ(ErrorOf(client.Call(wire::CreateTopicRequest{.name = "t5"})).code,
            ErrorCode::kLimitExceeded);
}

TEST_F(BadInput, SignalStormsDoNoHarm) {  // E31
  TopicClient topic(broker_.client(), "orders");
  for (int i = 0; i < 1000; ++i) {
    broker_.Signal(SIGHUP);
    broker_.Signal(SIGPIPE);
  }
  Produce(topic.client, topic.group, {"x"});
  broker_.Signal(SIGTERM);
  broker_.Signal(SIGHUP);
  EXPECT_EQ(broker_.WaitForExit(kPatience), 0) << broker_.Stderr();
}

TEST(BadInputStreams, AFullPipeBehindStderrHoldsNobodyUp) {  // E31
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const std::string filler(4096, 'x');
  while (write(ends[1], filler.data(), filler.size()) > 0) {
  }
  ASSERT_EQ(fcntl(ends[1], F_SETFL, 0), 0);  // The broker's writes would block.
  TemporaryDirectory data;
  BrokerProcess broker({.data_directory = data.path(), .stderr_descriptor = ends[1]});
  ASSERT_TRUE(broker.IsReady());
  WireClient http(broker.client());
  http.SendRaw(AsBytes("GET / HTTP/1.1\r\n\r\n"));  // Makes a line.
  EXPECT_TRUE(http.WaitForClose());
  {
    TopicClient topic(broker.client(), "orders");
    Produce(topic.client, topic.group, {"x"});
  }
  broker.Signal(SIGTERM);
  EXPECT_EQ(broker.WaitForExit(kPatience), 0);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(BadInput, NamesFromOutsideCannotForgeLogLines) {  // E30
  WireClient client(broker_.client());
  client.Hello();
  EXPECT_EQ(
      ErrorOf(client.Call(wire::CreateTopicRequest{.name = "x\n{\"level\":\"error\"}\x1b[2J"}))
          .code,
      ErrorCode::kBadName);
  As<wire::MetadataReply>(client.Call(wire::MetadataRequest{.topics = {"x\nforged\x1b[2J"}}));
  EXPECT_THAT(broker_.Stderr(), Not(HasSubstr("\nforged")));
  EXPECT_THAT(broker_.Stderr(), Not(HasSubstr("\x1b[2J")));
}

}  // namespace
}  // namespace raftmq::testing
