// Hostile messages, written word by word: rows E07 to E09 of the bad-input table.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "protocol/wire/codec.h"
#include "protocol/wire/frame.h"
#include "tests/wire/random_message.h"

namespace raftmq::wire {
namespace {

// A Cap'n Proto message in the making.
class Words {
 public:
  // A struct pointer at the next word to `offset` words behind it.
  Words& Struct(std::int32_t offset, std::uint16_t data_words, std::uint16_t pointers) {
    return Word(static_cast<std::uint32_t>(offset) << 2 |
                static_cast<std::uint64_t>(data_words) << 32 |
                static_cast<std::uint64_t>(pointers) << 48);
  }
  // `element`: 0 void, 2 byte, 5 eight bytes, 6 pointer, 7 composite.
  Words& List(std::int32_t offset, std::uint64_t element, std::uint64_t count) {
    return Word(1u | static_cast<std::uint32_t>(offset) << 2 | element << 32 | count << 35);
  }
  Words& Far(std::uint32_t segment, std::uint32_t word, bool is_double = false) {
    return Word(2u | (is_double ? 4u : 0u) | word << 3 | static_cast<std::uint64_t>(segment) << 32);
  }
  Words& Word(std::uint64_t word) {
    words_.push_back(word);
    return *this;
  }
  // Root pointer and Message: request id 77, the operation, pointer of the body comes next.
  Words& Head(std::uint64_t operation) { return Struct(0, 2, 1).Word(77).Word(operation); }

  Result<Message> Decode(std::uint64_t* request_id = nullptr) const {
    std::uint64_t id = 0;
    auto decoded = DecodeMessage(std::as_bytes(std::span(words_)), &id);
    if (request_id != nullptr) *request_id = id;
    return decoded;
  }
  ErrorCode DecodeError() const {
    auto decoded = Decode();
    return decoded ? ErrorCode::kOk : decoded.error().code;
  }

 private:
  std::vector<std::uint64_t> words_;
};

// Operation numbers: the order of the union in raftmq.capnp.
constexpr std::uint64_t kHelloRequest = 0;
constexpr std::uint64_t kProduceRequest = 2;
constexpr std::uint64_t kMetadataRequest = 8;
constexpr std::uint64_t kMetadataReply = 9;
constexpr std::uint64_t kDeleteTopic = 12;

TEST(CodecBadInput, TheHandwrittenHeadIsAMessage) {
  std::uint64_t request_id = 0;
  const auto decoded =
      Words().Head(kHelloRequest).Struct(0, 1, 1).Word(0).Word(0).Decode(&request_id);
  ASSERT_TRUE(decoded) << decoded.error().ToString();
  EXPECT_EQ(request_id, 77u);
  EXPECT_EQ(decoded->request_id, 77u);
}

TEST(CodecBadInput, E07FarPointersInALoop) {
  EXPECT_EQ(Words().Far(0, 0).DecodeError(), ErrorCode::kBadMessage);
  EXPECT_EQ(Words().Far(0, 1).Far(0, 0).DecodeError(), ErrorCode::kBadMessage);
  EXPECT_EQ(Words().Far(0, 1, true).Far(0, 0, true).Far(0, 1).DecodeError(),
            ErrorCode::kBadMessage);
}

TEST(CodecBadInput, E07FarPointersToOtherSegments) {
  EXPECT_EQ(Words().Far(1, 0).DecodeError(), ErrorCode::kBadMessage);
  EXPECT_EQ(Words().Far(0xFFFFFFFF, 0).DecodeError(), ErrorCode::kBadMessage);
}

TEST(CodecBadInput, E07SegmentTablesAreNotTaken) {
  // The stream framing of Cap'n Proto would begin with the segment count: 2^32 - 1 of them here.
  EXPECT_NE(Words().Word(0xFFFFFFFE).DecodeError(), ErrorCode::kOk);
}

TEST(CodecBadInput, E07ListOfManyZeroSizedElements) {
  constexpr std::uint64_t kMany = (1u << 29) - 1;
  // List(Void) where List(Text) is expected, then a composite list of empty structs.
  EXPECT_EQ(Words().Head(kMetadataRequest).Struct(0, 0, 1).List(0, 0, kMany).DecodeError(),
            ErrorCode::kBadMessage);
  EXPECT_EQ(Words()
                .Head(kMetadataReply)
                .Struct(0, 1, 3)
                .Word(0)
                .Word(0)  // No cluster id.
                .Word(0)  // No nodes.
                .List(0, 7, 0)
                .Struct(static_cast<std::int32_t>(kMany), 0, 0)
                .DecodeError(),
            ErrorCode::kBadMessage);
}

TEST(CodecBadInput, E07ListOfAFewMoreElementsThanTheMessageHolds) {
  EXPECT_EQ(Words()
                .Head(kMetadataReply)
                .Struct(0, 1, 3)
                .Word(0)
                .Word(0)
                .Word(0)
                .List(0, 7, 0)
                .Struct(10, 0, 0)  // Ten empty topics: below the traversal limit.
                .DecodeError(),
            ErrorCode::kBadMessage);
}

TEST(CodecBadInput, E07ListCountBeyondTheMessage) {
  EXPECT_EQ(Words().Head(kMetadataRequest).Struct(0, 0, 1).List(0, 6, 1u << 28).DecodeError(),
            ErrorCode::kBadMessage);
}

TEST(CodecBadInput, E07DeepNesting) {
  // Ten thousand structs, each the only child of the one before.
  Words words;
  for (int i = 0; i < 10'000; ++i) words.Struct(0, 0, 1);
  EXPECT_NE(words.DecodeError(), ErrorCode::kOk);
}

TEST(CodecBadInput, E07OverlappingPointersCannotMultiply) {
  // A thousand names that are all the same kilobyte: 1 MB out of 9 KB.
  constexpr int kNames = 1000;
  Words words;
  words.Head(kMetadataRequest).Struct(0, 0, 1).List(0, 6, kNames);
  for (int i = 0; i < kNames; ++i) words.List(kNames - 1 - i, 2, 1024);
  for (int i = 0; i < 127; ++i) words.Word(0x6161616161616161);
  words.Word(0x0061616161616161);
  EXPECT_EQ(words.DecodeError(), ErrorCode::kBadMessage);
}

TEST(CodecBadInput, E07PointersOutsideTheMessage) {
  EXPECT_EQ(Words().Struct(1000, 2, 1).DecodeError(), ErrorCode::kBadMessage);
  EXPECT_EQ(Words().Struct(-5, 2, 1).DecodeError(), ErrorCode::kBadMessage);
  EXPECT_EQ(Words().Struct(0, 0xFFFF, 0xFFFF).DecodeError(), ErrorCode::kBadMessage);
}

TEST(CodecBadInput, E07UnalignedLength) {
  const ByteBuffer bytes(24);
  std::uint64_t request_id = 1;
  for (const std::size_t size : {0u, 1u, 7u, 9u, 23u}) {
    const auto decoded = DecodeMessage(bytes.span().first(size), &request_id);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::kBadMessage);
    EXPECT_EQ(request_id, 0u);
  }
}

TEST(CodecBadInput, E08EnumOutOfRange) {
  std::uint64_t request_id = 0;
  const auto decoded = Words()
                           .Head(kProduceRequest)
                           .Struct(0, 3, 0)
                           .Word(1)
                           .Word(2)
                           .Word(std::uint64_t{3} << 32)  // Partition 0, acks 3.
                           .Decode(&request_id);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kBadRequest);
  EXPECT_EQ(request_id, 77u);
}

TEST(CodecBadInput, E08VersionsTheWrongWayRound) {
  EXPECT_EQ(Words().Head(kHelloRequest).Struct(0, 1, 1).Word(2).Word(0).DecodeError(),
            ErrorCode::kBadRequest);
}

TEST(CodecBadInput, E08TextWithoutNul) {
  std::uint64_t request_id = 0;
  const auto decoded = Words()
                           .Head(kDeleteTopic)
                           .Struct(0, 0, 1)
                           .List(0, 2, 8)
                           .Word(0x6161616161616161)
                           .Decode(&request_id);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kBadRequest) << decoded.error().ToString();
  EXPECT_EQ(request_id, 77u);
}

TEST(CodecBadInput, E08EmptyTextWithoutNul) {
  EXPECT_EQ(Words().Head(kDeleteTopic).Struct(0, 0, 1).List(0, 2, 0).Word(0).DecodeError(),
            ErrorCode::kBadRequest);
}

TEST(CodecBadInput, E08InvalidUtf8InAName) {
  std::uint64_t request_id = 0;
  const SharedBytes head = EncodeHead({5, DeleteTopicRequest{"bad\xFFname"}}, 0);
  const auto decoded = DecodeMessage(head.view().subspan(kFrameHeaderBytes), &request_id);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kBadRequest);
  EXPECT_NE(decoded.error().message.find("'name'"), std::string::npos);
  EXPECT_EQ(request_id, 5u);
}

TEST(CodecBadInput, E08SettingTwice) {
  Words words;
  words.Head(10).Struct(0, 1, 2).Word(1).Word(0);  // createTopicRequest without a name.
  words.List(0, 7, 4).Struct(2, 0, 2);             // Two settings of two texts, both empty.
  words.Word(0).Word(0).Word(0).Word(0);
  EXPECT_EQ(words.DecodeError(), ErrorCode::kBadRequest);
}

TEST(CodecBadInput, E08TooManySettings) {
  CreateTopicRequest request;
  for (int i = 0; i < 257; ++i) request.settings[std::to_string(i)] = "x";
  std::uint64_t request_id = 0;
  const SharedBytes head = EncodeHead({1, request}, 0);
  const auto decoded = DecodeMessage(head.view().subspan(kFrameHeaderBytes), &request_id);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kBadRequest);
}

TEST(CodecBadInput, E09UnknownOperationCanBeAnswered) {
  for (const std::uint64_t operation : {32u, 1000u, 0xFFFFu}) {
    std::uint64_t request_id = 0;
    const auto decoded = Words().Head(operation).Struct(0, 1, 0).Word(0).Decode(&request_id);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(request_id, 77u);
  }
}

// No word of a message may be trusted: every single bit of valid messages is flipped, and random
// words are decoded. Anything but a crash, a hang or a sanitizer's report is right.
TEST(CodecBadInput, FlippedBitsAndNoiseNeverDoHarm) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomMessages messages(seed);
  std::mt19937_64 random(seed);
  for (std::size_t kind = 0; kind < std::variant_size_v<Body>; ++kind) {
    const SharedBytes head = EncodeHead(messages.OfKind(kind), 0);
    const ByteSpan message = head.view().subspan(kFrameHeaderBytes);
    const std::size_t bits = std::min<std::size_t>(message.size() * 8, 4096);
    for (std::size_t bit = 0; bit < bits; ++bit) {
      ByteBuffer damaged(message.size());
      std::memcpy(damaged.data(), message.data(), message.size());
      damaged.data()[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
      std::uint64_t request_id = 0;
      (void)DecodeMessage(damaged.span(), &request_id);
    }
  }
  for (int i = 0; i < 2000; ++i) {
    Words words;
    words.Head(random() % 20);
    for (std::size_t n = random() % 64; n > 0; --n) {
      words.Word(random() & random() & random() & random());
    }
    (void)words.Decode();
  }
}

}  // namespace
}  // namespace raftmq::wire
