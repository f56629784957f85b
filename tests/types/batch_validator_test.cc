// RELIABILITY.md E21: each way in which a batch can lie is BAD_BATCH, for the broker that validates
// it and for the consumer that opens it.
#include "protocol/types/batch_validator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "protocol/types/batch_cursor.h"
#include "tests/types/batch_samples.h"
#include "tests/types/forged_batch.h"

namespace raftmq {
namespace {

using testing::HasSubstr;

// Refused by both with the same words.
void ExpectBad(const ByteBuffer& frame, std::string_view words) {
  const auto validated = ValidateBatch(frame.span());
  ASSERT_FALSE(validated.has_value()) << "expected: " << words;
  EXPECT_EQ(validated.error().code, ErrorCode::kBadBatch);
  EXPECT_THAT(validated.error().message, HasSubstr(words));
  const auto opened = OpenRecords(frame.span());
  ASSERT_FALSE(opened.has_value()) << "expected: " << words;
  EXPECT_EQ(opened.error().code, ErrorCode::kBadBatch);
}

// What only a broker looks at.
void ExpectRefused(ByteSpan frame, std::string_view words, const BatchLimits& limits = {},
                   ErrorCode code = ErrorCode::kBadBatch) {
  const auto validated = ValidateBatch(frame, limits);
  ASSERT_FALSE(validated.has_value()) << "expected: " << words;
  EXPECT_EQ(validated.error().code, code);
  EXPECT_THAT(validated.error().message, HasSubstr(words));
}

ForgedRecord Second() { return {.offset_delta = Varint(1)}; }

TEST(BatchValidator, AForgeryWithoutALieIsAccepted) {
  const auto header = ValidateBatch(Forge({{}, Second()}).span());
  ASSERT_TRUE(header.has_value()) << header.error().ToString();
  EXPECT_EQ(header->producer.record_count, 2u);
}

TEST(BatchValidator, MoreRecordsClaimedThanThereAre) {
  const std::string section = ForgedRecord{}.Bytes() + Second().Bytes();
  ExpectBad(Forge(section, {.record_count = 1}), "claims 1 records; 8 bytes stand after them");
  ForgedRecord large{.value = Varint(20) + std::string(20, 'v')};
  ExpectBad(Forge(large.Bytes(), {.record_count = 3}), "claims 3 records, found 1");
  ExpectBad(Forge(section, {.record_count = 1'000'000}), "a record takes at least 7");
}

TEST(BatchValidator, OffsetDeltasAreTheRecordsPlaces) {
  ExpectBad(Forge({{}, {}}), "record 1 of 2: expected offset delta 1, found 0");
  ExpectBad(Forge({{}, {.offset_delta = Varint(2)}}), "expected offset delta 1, found 2");
  ExpectBad(Forge({{}, {.offset_delta = Varint(-1)}}), "malformed or negative");
  ExpectBad(Forge({{.offset_delta = Varint(1)}}), "expected offset delta 0, found 1");
  ExpectBad(Forge({{.offset_delta = Varint(std::int64_t{1} << 32)}}), "malformed or negative");
}

TEST(BatchValidator, LengthsStayWithinTheirRecord) {
  ExpectBad(Forge({{.length = Varint(5)}, Second()}), "record 0 of 2: the length of its value");
  ExpectBad(Forge({{.length = Varint(6)}, Second()}), "header count");
  ExpectBad(Forge({{.length = Varint(8)}, Second()}), "bytes stand after its last header");
  ExpectBad(Forge({{.length = Varint(100)}, Second()}), "leads beyond the records section");
  ExpectBad(Forge({{.length = Varint(-1)}}), "its length");
  ExpectBad(Forge({{.length = Varint(0)}}), "attributes");
  ExpectBad(Forge({{.length = Varint(std::numeric_limits<std::int32_t>::max())}}), "its length");
  ExpectBad(Forge({{.key = Varint(-2)}}), "the length of its key");
  ExpectBad(Forge({{.key = Varint(5)}}), "the length of its key");
  ExpectBad(Forge({{.value = Varint(-2) + "v"}}), "the length of its value");
  ExpectBad(Forge({{.value = Varint(3) + "v"}, Second()}), "the length of its value");
}

TEST(BatchValidator, HeadersAreCountedAndWithinTheirRecord) {
  ExpectBad(Forge({{.headers = Varint(-1)}}), "header count");
  ExpectBad(Forge({{.headers = Varint(1)}}), "a header is malformed");
  ExpectBad(Forge({{.headers = Varint(1) + Varint(-1) + Varint(-1)}}), "a header is malformed");
  ExpectBad(Forge({{.headers = Varint(1) + Varint(1) + "n" + Varint(-2)}}), "a header");
  ExpectBad(Forge({{.headers = Varint(2) + Varint(1) + "n" + Varint(-1)}}), "a header");
  ExpectBad(Forge({{.headers = Varint(std::numeric_limits<std::int32_t>::max())}}), "a header");
  ExpectBad(Forge({{.tail = "t"}}), "bytes stand after its last header");
}

TEST(BatchValidator, AttributesAreZeroAndVarintsShortest) {
  ExpectBad(Forge({{.attributes = "\1"}}), "attributes are not zero");
  const std::string overlong_zero("\x80\0", 2);
  ExpectBad(Forge({{.timestamp_delta = overlong_zero}}), "timestamp delta is malformed");
  ExpectBad(Forge({{.offset_delta = overlong_zero}}), "offset delta is malformed");
  ExpectBad(Forge({{.headers = overlong_zero}}), "header count");
}

ForgedRecord WithHeader(const std::string& name, const std::string& value) {
  const auto text = [](const std::string& of) {
    return Varint(static_cast<std::int64_t>(of.size())) + of;
  };
  return {.headers = Varint(1) + text(name) + text(value)};
}

TEST(BatchValidator, AMessageIdIsTheFirstHeaderOfTheOnlyRecord) {
  const ProducerBlock block{.has_message_id = true, .record_count = 1};
  const auto taken = ValidateBatch(Forge(WithHeader("message.id", "x").Bytes(), block).span());
  ASSERT_TRUE(taken.has_value()) << taken.error().ToString();
  EXPECT_TRUE(taken->producer.has_message_id);
  const auto refuse = [&block](const ForgedRecord& record, std::string_view words) {
    ExpectRefused(Forge(record.Bytes(), block).span(), words);
  };
  refuse({}, "expected the message id in a first header 'message.id'");
  refuse(WithHeader("Message.Id", "x"), "expected the message id in a first header");
  refuse({.headers = Varint(1) + Varint(10) + "message.id" + Varint(-1)},
         "expected the message id");
  refuse(WithHeader("message.id", ""), "of 1 to 256 bytes, found 0");
  refuse(WithHeader("message.id", std::string(257, 'x')), "of 1 to 256 bytes, found 257");
  const std::string two = WithHeader("message.id", "x").Bytes() + Second().Bytes();
  ExpectBad(Forge(two, {.has_message_id = true, .record_count = 2}),
            "expected one record, not compressed, beside a message id");
  // Without the attribute it is a header like any other.
  EXPECT_TRUE(
      ValidateBatch(Forge(WithHeader("message.id", "").Bytes(), {.record_count = 1}).span()));
}

TEST(BatchValidator, TimestampsAgreeWithTheHeader) {
  ByteBuffer frame =
      Build({{.value = "a", .timestamp_ms = 100}, {.value = "b", .timestamp_ms = 150}});
  Reseal(&frame, [](ProducerBlock* block) { block->max_timestamp_ms = 149; });
  ExpectBad(frame, "the greatest timestamp is 150, the header says 149");
  Reseal(&frame, [](ProducerBlock* block) { block->max_timestamp_ms = 151; });
  ExpectBad(frame, "the greatest timestamp is 150, the header says 151");
  ExpectBad(Forge({{.timestamp_delta = Varint(1)}}), "expected the base timestamp, found delta 1");
}

TEST(BatchValidator, AbsurdTimestampsAreRefused) {
  for (const std::int64_t delta :
       {std::int64_t{-1}, kTimestampMsMax + 1, std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<std::int64_t>::min()}) {
    ForgedRecord late = Second();
    late.timestamp_delta = Varint(delta);
    ExpectBad(Forge({{}, late}), "is out of range");
  }
  const std::string section = ForgedRecord{}.Bytes();
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();
  for (const auto& [base, max] :
       {std::pair{kLeast, kGreatest}, std::pair{std::int64_t{-1}, std::int64_t{0}},
        std::pair{kGreatest, kGreatest}}) {
    ExpectBad(
        Forge(section, {.record_count = 1, .base_timestamp_ms = base, .max_timestamp_ms = max}),
        "");
  }
  ExpectBad(Forge(section, {.record_count = 1, .base_timestamp_ms = 5, .max_timestamp_ms = 4}),
            "below the base timestamp");
}

TEST(BatchValidator, AWrongHashIsNamed) {
  ByteBuffer frame = Forge({{}});
  frame.data()[kBatchHeaderBytes + 3] ^= std::byte{1};
  ExpectBad(frame, "the payload hash does not hold");
}

TEST(BatchValidator, OnlyAWholeUnstampedDataFrameIsTaken) {
  ByteBuffer frame = Forge({{.value = Varint(2) + "vv"}});
  const std::size_t length = ParseBatchHeader(frame.span())->producer.length;
  ASSERT_NE(length, frame.size());
  ExpectRefused(ByteSpan(frame.span()).first(length), "expected a frame of");
  ExpectRefused(ByteSpan(frame.span()).first(50), "expected a header of 120 bytes");
  frame.data()[frame.size() - 1] = std::byte{1};
  ExpectRefused(frame.span(), "the padding is not zero");
  frame.data()[frame.size() - 1] = std::byte{0};
  EXPECT_TRUE(ValidateBatch(frame.span()).has_value());
  StampBatch(frame.span(), {.index = Index(1)}, 7);
  ExpectRefused(frame.span(), "the leader's block is not zero");
  ExpectRefused(MakeControlEntry(EntryKind::kLogStart, AsBytes("12345678")).span(),
                "expected an entry of kind data");
}

TEST(BatchValidator, ABatchAboveTheLimitHasACodeOfItsOwn) {
  const ByteBuffer frame = Build({{.value = std::string(1000, 'x')}});
  EXPECT_TRUE(ValidateBatch(frame.span(), {.batch_bytes_max = 2000}).has_value());
  ExpectRefused(frame.span(), "the limit is 1000", {.batch_bytes_max = 1000},
                ErrorCode::kBatchTooLarge);
}

class EveryBit : public testing::TestWithParam<Codec> {};

TEST_P(EveryBit, FlippedIsSeen) {
  std::vector<OwnedRecord> records;
  for (int i = 0; i < 20; ++i) {
    records.push_back(
        {.key = std::to_string(i), .value = "words and words", .timestamp_ms = 5 + i});
  }
  ByteBuffer frame = Build(records, GetParam());
  ASSERT_EQ(ValidateBatch(frame.span())->producer.codec, GetParam());
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1u << (bit % 8));
    frame.data()[bit / 8] ^= mask;
    ASSERT_FALSE(ValidateBatch(frame.span()).has_value()) << "bit " << bit;
    frame.data()[bit / 8] ^= mask;
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, EveryBit,
                         testing::Values(Codec::kNone, Codec::kLz4, Codec::kZstd));

}  // namespace
}  // namespace raftmq
