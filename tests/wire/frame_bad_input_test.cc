// Hostile frames: rows E01 to E03, E05 and E09 of the bad-input table.
#include <gtest/gtest.h>

#include <vector>

#include "protocol/wire/codec.h"
#include "protocol/wire/frame.h"
#include "tests/wire/frame_feeding.h"

namespace raftmq::wire {
namespace {

std::size_t Everything() { return ~std::size_t{0}; }

ErrorCode FeedAll(FrameReader& reader, std::string_view bytes) {
  std::vector<Frame> frames;
  return Feed(reader, bytes, Everything, &frames);
}

std::string Prefix(std::uint32_t length) {
  std::string bytes(4, '\0');
  StoreLittleEndian(reinterpret_cast<std::byte*>(bytes.data()), length);
  return bytes;
}

std::string GoodFrame(std::size_t attachment_bytes = 0) {
  return std::string(AsText(EncodeHead({1, ProduceReply()}, attachment_bytes).view())) +
         std::string(attachment_bytes, 'a');
}

// A good frame with one field of its header replaced.
template <class T>
std::string With(std::size_t at, T value) {
  std::string bytes = GoodFrame();
  StoreLittleEndian(reinterpret_cast<std::byte*>(bytes.data()) + at, value);
  return bytes;
}

TEST(FrameBadInput, E01SenselessLengthIsRefusedAfterThePrefix) {
  for (const std::uint32_t length : {0u, 1u, 19u, 0x04000001u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    FrameReader reader(kFrameBytesMaxDefault);
    EXPECT_EQ(FeedAll(reader, Prefix(length)), ErrorCode::kBadFrame) << length;
    EXPECT_LE(reader.held_bytes(), 64u << 10) << "nothing is allocated for a claim";
  }
}

TEST(FrameBadInput, E02JustOverTheBoundBeforeAndAfterTheHello) {
  for (const std::size_t bound : {kFrameBytesBeforeHello, kFrameBytesMaxDefault}) {
    FrameReader reader(kFrameBytesBeforeHello);
    reader.SetFrameBytesMax(bound);
    EXPECT_EQ(FeedAll(reader, Prefix(static_cast<std::uint32_t>(bound - 4 + 1))),
              ErrorCode::kFrameTooLarge);
    FrameReader other(bound);
    EXPECT_EQ(FeedAll(other, GoodFrame(bound - 16 - 56)), ErrorCode::kOk) << "the bound itself";
  }
}

TEST(FrameBadInput, E03MemoryFollowsTheBytesReceivedNotTheClaim) {
  FrameReader reader(kFrameBytesHardMax);
  constexpr std::size_t kClaimed = (32u << 20);
  std::string bytes = GoodFrame(kClaimed);
  std::size_t fed = 0;
  std::vector<Frame> frames;
  while (fed < bytes.size()) {
    EXPECT_LE(reader.held_bytes(), 2 * fed + (64u << 10));
    fed += Put(reader, AsBytes(std::string_view(bytes).substr(fed, 10'000)));
    ASSERT_EQ(TakeAll(reader, &frames), ErrorCode::kOk);
  }
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].attachment().size(), kClaimed);
}

TEST(FrameBadInput, E03UnfinishedFrameIsVisibleToTheDeadline) {
  FrameReader reader(kFrameBytesMaxDefault);
  EXPECT_EQ(FeedAll(reader, GoodFrame(1000).substr(0, 40)), ErrorCode::kOk);
  EXPECT_TRUE(reader.IsInsideFrame());
}

TEST(FrameBadInput, E05OtherProtocolsAreRefused) {
  for (const std::string_view bytes :
       {std::string_view("GET / HTTP/1.1\r\n\r\n"), std::string_view("\x16\x03\x01\x02\x00\x01", 6),
        std::string_view("SSH-2.0-OpenSSH\r\n")}) {
    FrameReader reader(kFrameBytesBeforeHello);
    const ErrorCode code = FeedAll(reader, bytes);
    EXPECT_TRUE(code == ErrorCode::kBadFrame || code == ErrorCode::kFrameTooLarge) << bytes;
  }
}

TEST(FrameBadInput, E09UnknownVersionAndReservedFlags) {
  for (const std::string& bytes : {With(4, std::uint16_t{0}), With(4, std::uint16_t{2}),
                                   With(6, std::uint16_t{1}), With(6, std::uint16_t{0x8000})}) {
    FrameReader reader(kFrameBytesMaxDefault);
    EXPECT_EQ(FeedAll(reader, bytes), ErrorCode::kUnsupported);
  }
}

TEST(FrameBadInput, MessageLengthMustFitTheFrameInWholeWords) {
  for (const std::uint32_t message_bytes : {0u, 7u, 55u, 57u, 64u, 0xFFFFFFF8u}) {
    FrameReader reader(kFrameBytesMaxDefault);
    EXPECT_EQ(FeedAll(reader, With(8, message_bytes)), ErrorCode::kBadFrame) << message_bytes;
  }
}

TEST(FrameBadInput, MessageAboveTheBoundOfRequests) {
  MetadataRequest request;
  request.topics.assign(3000, "a topic of some name");
  const std::string bytes(AsText(EncodeHead({1, request}, 0).view()));
  ASSERT_GT(bytes.size(), kRequestMessageBytesMax);
  FrameReader of_a_broker(kFrameBytesMaxDefault);
  of_a_broker.SetMessageBytesMax(kRequestMessageBytesMax);
  EXPECT_EQ(FeedAll(of_a_broker, bytes), ErrorCode::kFrameTooLarge);
  FrameReader of_a_client(kFrameBytesMaxDefault);
  EXPECT_EQ(FeedAll(of_a_client, bytes), ErrorCode::kOk);
}

TEST(FrameBadInput, EveryFlippedBitOfTheMessageIsFound) {
  const std::string good = GoodFrame();
  for (std::size_t bit = 8 * 12; bit < 8 * good.size(); ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    FrameReader reader(kFrameBytesMaxDefault);
    ASSERT_EQ(FeedAll(reader, bytes), ErrorCode::kBadFrame) << "bit " << bit;
  }
}

TEST(FrameBadInput, ErrorsAreSticky) {
  FrameReader reader(kFrameBytesMaxDefault);
  EXPECT_EQ(FeedAll(reader, GoodFrame() + Prefix(0)), ErrorCode::kBadFrame);
  EXPECT_FALSE(reader.PrepareRead().empty());
  EXPECT_EQ(FeedAll(reader, GoodFrame()), ErrorCode::kBadFrame);
}

TEST(FrameBadInput, FramesBeforeABadOneAreGivenOut) {
  FrameReader reader(kFrameBytesMaxDefault);
  std::vector<Frame> frames;
  EXPECT_EQ(Feed(reader, GoodFrame() + GoodFrame(5) + Prefix(0), Everything, &frames),
            ErrorCode::kBadFrame);
  EXPECT_EQ(frames.size(), 2u);
}

}  // namespace
}  // namespace raftmq::wire
