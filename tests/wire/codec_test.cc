#include "protocol/wire/codec.h"

#include <gtest/gtest.h>

#include <random>

#include "protocol/wire/frame.h"
#include "protocol/wire/utf8.h"
#include "tests/wire/random_message.h"

namespace raftmq::wire {
namespace {

ByteSpan MessageOf(const SharedBytes& head) { return head.view().subspan(kFrameHeaderBytes); }

Result<Message> RoundTrip(const Message& message) {
  std::uint64_t request_id = 0;
  auto decoded = DecodeMessage(MessageOf(EncodeHead(message, 0)), &request_id);
  EXPECT_EQ(request_id, message.request_id);
  return decoded;
}

TEST(Codec, EveryKindOfMessageRoundTrips) {
  const std::uint64_t seed = std::random_device()();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomMessages messages(seed);
  for (int round = 0; round < 200; ++round) {
    for (std::size_t kind = 0; kind < std::variant_size_v<Body>; ++kind) {
      const Message message = messages.OfKind(kind);
      const auto decoded = RoundTrip(message);
      ASSERT_TRUE(decoded) << "kind " << kind << ": " << decoded.error().ToString();
      ASSERT_EQ(decoded->body, message.body) << "kind " << kind;
    }
  }
}

TEST(Codec, DefaultValuesRoundTrip) {
  for (const Body& body : {Body(HelloRequest()), Body(FetchRequest()), Body(MetadataReply()),
                           Body(CreateTopicRequest()), Body(ListOffsetsReply())}) {
    const auto decoded = RoundTrip({7, body});
    ASSERT_TRUE(decoded) << decoded.error().ToString();
    EXPECT_EQ(decoded->body, body);
  }
}

TEST(Codec, MessageLargerThanTheScratchStaysOneSegment) {
  MetadataReply reply;
  for (int i = 0; i < 500; ++i) {
    TopicInfo topic;
    topic.name = "topic-" + std::to_string(i);
    topic.partitions.resize(16);
    reply.topics.push_back(topic);
  }
  const auto decoded = RoundTrip({1, reply});
  ASSERT_TRUE(decoded) << decoded.error().ToString();
  EXPECT_EQ(decoded->body, Body(reply));
}

TEST(Codec, EncodingLeavesNothingBehindForTheNextMessage) {
  const SharedBytes before = EncodeHead({1, FetchCredit{}}, 0);
  RandomMessages messages(1);
  for (int i = 0; i < 100; ++i) EncodeHead(messages.Any(), 0);
  const SharedBytes after = EncodeHead({1, FetchCredit{}}, 0);
  EXPECT_EQ(AsText(before.view()), AsText(after.view()));
}

TEST(Codec, ErrorTextIsBoundedAndMadeValid) {
  ErrorReply reply;
  reply.error = {ErrorCode::kInternal, "\xFF" + std::string(100'000, 'x')};
  const auto decoded = RoundTrip({1, reply});
  ASSERT_TRUE(decoded) << decoded.error().ToString();
  const Error& error = std::get<ErrorReply>(decoded->body).error;
  EXPECT_EQ(error.code, ErrorCode::kInternal);
  EXPECT_EQ(error.message, "?" + std::string(kErrorTextBytesMax - 1, 'x'));
}

TEST(Codec, UnknownErrorCodeOfANewerPeerIsKept) {
  ErrorReply reply;
  reply.error.code = static_cast<ErrorCode>(60000);
  const auto decoded = RoundTrip({1, reply});
  ASSERT_TRUE(decoded);
  EXPECT_EQ(static_cast<int>(std::get<ErrorReply>(decoded->body).error.code), 60000);
}

TEST(Codec, BytesAtAnyAlignmentAreDecoded) {
  const SharedBytes head = EncodeHead({42, TrimReply{Offset(9)}}, 0);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    ByteBuffer moved(MessageOf(head).size() + shift);
    std::memcpy(moved.data() + shift, MessageOf(head).data(), MessageOf(head).size());
    std::uint64_t request_id = 0;
    const auto decoded = DecodeMessage(moved.span().subspan(shift), &request_id);
    ASSERT_TRUE(decoded) << decoded.error().ToString();
    EXPECT_EQ(request_id, 42u);
  }
}

TEST(Codec, HotMessagesAreSmall) {
  EXPECT_EQ(EncodeHead({1, ProduceRequest{}}, 0).size(), kFrameHeaderBytes + 56);
  EXPECT_EQ(EncodeHead({1, ProduceReply{}}, 0).size(), kFrameHeaderBytes + 56);
  EXPECT_EQ(EncodeHead({1, FetchCredit{}}, 0).size(), kFrameHeaderBytes + 48);
  EXPECT_EQ(EncodeHead({1, FetchRequest{}}, 0).size(), kFrameHeaderBytes + 88);
  EXPECT_EQ(EncodeHead({1, FetchData{}}, 0).size(), kFrameHeaderBytes + 72);
}

}  // namespace
}  // namespace raftmq::wire
