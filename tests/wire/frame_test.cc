#include "protocol/wire/frame.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "protocol/wire/codec.h"
#include "tests/wire/frame_feeding.h"
#include "tests/wire/random_message.h"

namespace raftmq::wire {
namespace {

std::string Hex(ByteSpan bytes) {
  std::string hex;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && i % 8 == 0) hex += '\n';
    hex += fmt::format("{:02x}", static_cast<unsigned>(bytes[i]));
  }
  return hex;
}

// The example of FORMAT.md. These bytes never change for wire version 1.
TEST(Frame, GoldenBytesOfAProduceRequest) {
  Message message{0x0102030405060708, {}};
  message.body =
      ProduceRequest{{{0x1111111111111111, 0x2222222222222222}, PartitionNumber(7)}, Acks::kQuorum};
  EXPECT_EQ(Hex(EncodeHead(message, 64).view()),
            "8400000001000000\n"  // Length 132; version 1, no flags.
            "3800000036d1605d\n"  // Message of 56 bytes; low half of its XXH3-64.
            "0000000002000100\n"  // Root: a struct of 2 words and 1 pointer.
            "0807060504030201\n"  // requestId.
            "0200000000000000\n"  // Union member 2: produceRequest.
            "0000000003000000\n"  // Body: a struct of 3 words.
            "1111111111111111\n"  // topicHigh.
            "2222222222222222\n"  // topicLow.
            "0700000000000000");  // partition 7, acks quorum.
}

struct Stream {
  std::vector<Message> messages;
  std::vector<std::string> attachments;
  std::string bytes;
};

Stream RandomStream(std::uint64_t seed, int frames, std::size_t attachment_max) {
  RandomMessages messages(seed);
  std::mt19937_64 random(seed);
  Stream stream;
  for (int i = 0; i < frames; ++i) {
    stream.messages.push_back(messages.Any());
    std::string attachment(random() % 3 == 0 ? random() % attachment_max : random() % 64, '\0');
    for (char& c : attachment) c = static_cast<char>(random());
    stream.bytes += AsText(EncodeHead(stream.messages.back(), attachment.size()).view());
    stream.bytes += attachment;
    stream.attachments.push_back(std::move(attachment));
  }
  return stream;
}

void ExpectFrames(const Stream& stream, const std::vector<Frame>& frames) {
  ASSERT_EQ(frames.size(), stream.messages.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    std::uint64_t request_id = 0;
    const auto message = DecodeMessage(frames[i].message(), &request_id);
    ASSERT_TRUE(message) << message.error().ToString();
    EXPECT_EQ(message->body, stream.messages[i].body);
    EXPECT_EQ(AsText(frames[i].attachment()), stream.attachments[i]);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frames[i].attachment().data()) % 8, 0u);
  }
}

TEST(FrameReader, ByteByByte) {
  const Stream stream = RandomStream(1, 20, 3000);
  FrameReader reader(kFrameBytesMaxDefault);
  std::vector<Frame> frames;
  const auto one = [] { return std::size_t{1}; };
  ASSERT_EQ(Feed(reader, stream.bytes, one, &frames), ErrorCode::kOk);
  ExpectFrames(stream, frames);
  EXPECT_FALSE(reader.IsInsideFrame());
}

TEST(FrameReader, RandomChunksOfRandomFrames) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    const Stream stream = RandomStream(random(), 30, 300'000);
    FrameReader reader(kFrameBytesMaxDefault);
    std::vector<Frame> frames;
    const std::size_t chunk_max = std::size_t{1} << (random() % 21);
    const auto chunk = [&] { return 1 + random() % chunk_max; };
    ASSERT_EQ(Feed(reader, stream.bytes, chunk, &frames), ErrorCode::kOk);
    ExpectFrames(stream, frames);
  }
}

TEST(FrameReader, FramesThatNobodyTookYetAreNotLost) {
  const Stream stream = RandomStream(3, 40, 20'000);
  FrameReader reader(kFrameBytesMaxDefault);
  for (std::size_t at = 0; at < stream.bytes.size();) {  // Never calls Next in between.
    at += Put(reader, AsBytes(stream.bytes).subspan(at));
  }
  std::vector<Frame> frames;
  ASSERT_EQ(TakeAll(reader, &frames), ErrorCode::kOk);
  ExpectFrames(stream, frames);
}

TEST(FrameReader, MovesWithWhatItHasReadAhead) {
  const Stream stream = RandomStream(4, 10, 50'000);
  const std::size_t half = stream.bytes.size() / 2;
  FrameReader first(kFrameBytesMaxDefault);
  std::vector<Frame> frames;
  const auto chunk = [] { return std::size_t{5000}; };
  ASSERT_EQ(Feed(first, std::string_view(stream.bytes).substr(0, half), chunk, &frames),
            ErrorCode::kOk);
  FrameReader second = std::move(first);
  ASSERT_EQ(Feed(second, std::string_view(stream.bytes).substr(half), chunk, &frames),
            ErrorCode::kOk);
  ExpectFrames(stream, frames);
}

TEST(FrameReader, KnowsWhetherItIsInsideAFrame) {
  const std::string bytes(AsText(EncodeHead({1, EmptyReply()}, 0).view()));
  FrameReader reader(kFrameBytesMaxDefault);
  EXPECT_FALSE(reader.IsInsideFrame());
  std::vector<Frame> frames;
  const auto all = [] { return std::size_t{1000}; };
  ASSERT_EQ(Feed(reader, bytes.substr(0, 3), all, &frames), ErrorCode::kOk);
  EXPECT_TRUE(reader.IsInsideFrame());
  ASSERT_EQ(Feed(reader, bytes.substr(3, 20), all, &frames), ErrorCode::kOk);
  EXPECT_TRUE(reader.IsInsideFrame());
  ASSERT_EQ(Feed(reader, bytes.substr(23), all, &frames), ErrorCode::kOk);
  EXPECT_FALSE(reader.IsInsideFrame());
  EXPECT_EQ(frames.size(), 1u);
}

TEST(FrameReader, LargeFrameIsReadIntoItsOwnBufferOnceProven) {
  constexpr std::size_t kAttachment = 1u << 20;
  const std::string frame =
      std::string(AsText(EncodeHead({1, ProduceRequest()}, kAttachment).view())) +
      std::string(kAttachment, 'x');
  FrameReader reader(kFrameBytesMaxDefault);
  std::vector<Frame> frames;
  const auto all = [] { return ~std::size_t{0}; };
  ASSERT_EQ(Feed(reader, frame, all, &frames), ErrorCode::kOk);
  // The second one: the stage takes the header and a little, the next span takes all the rest.
  std::size_t at = Put(reader, AsBytes(frame));
  EXPECT_LT(at, 4096u);
  ASSERT_EQ(TakeAll(reader, &frames), ErrorCode::kOk);
  const MutableByteSpan rest = reader.PrepareRead();
  EXPECT_EQ(rest.size(), frame.size() - at);
  Put(reader, AsBytes(frame).subspan(at));
  ASSERT_EQ(TakeAll(reader, &frames), ErrorCode::kOk);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[1].buffer.data() + at, rest.data());
}

}  // namespace
}  // namespace raftmq::wire
