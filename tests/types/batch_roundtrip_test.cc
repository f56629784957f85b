#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types/batch_builder.h"
#include "protocol/types/batch_cursor.h"
#include "protocol/types/batch_validator.h"
#include "tests/types/batch_samples.h"

namespace raftmq {
namespace {

std::vector<OwnedRecord> ReadAll(ByteSpan frame) {
  const auto batch = OpenRecords(frame);
  EXPECT_TRUE(batch.has_value()) << batch.error().ToString();
  std::vector<OwnedRecord> records;
  BatchCursor cursor(*batch);
  while (const auto record = cursor.Next()) records.push_back(OwnedRecord::From(*record));
  return records;
}

TEST(BatchRoundTrip, NullAndEmptyAreDifferentThings) {
  const std::vector<OwnedRecord> records = {
      {.key = std::nullopt, .value = std::nullopt},
      {.key = "", .value = ""},
      {.key = "k", .value = "v", .headers = {{"h", std::nullopt}, {"h", ""}, {"", "x"}}},
  };
  EXPECT_EQ(ReadAll(Build(records).span()), records);
}

TEST(BatchRoundTrip, RepeatedHeaderNamesKeepTheirOrder) {
  const std::vector<OwnedRecord> records = {
      {.value = "v", .headers = {{"a", "1"}, {"b", "2"}, {"a", "3"}, {"a", "1"}}}};
  EXPECT_EQ(ReadAll(Build(records).span()), records);
}

TEST(BatchRoundTrip, TimestampsMayGoBackBelowTheFirst) {
  const std::vector<OwnedRecord> records = {{.value = "a", .timestamp_ms = 1000},
                                            {.value = "b", .timestamp_ms = 0},
                                            {.value = "c", .timestamp_ms = kTimestampMsMax},
                                            {.value = "d", .timestamp_ms = 999}};
  const ByteBuffer frame = Build(records);
  EXPECT_EQ(ReadAll(frame.span()), records);
  const auto header = ParseBatchHeader(frame.span());
  EXPECT_EQ(header->producer.base_timestamp_ms, 1000);
  EXPECT_EQ(header->producer.max_timestamp_ms, kTimestampMsMax);
}

TEST(BatchRoundTrip, OffsetsCountFromTheLeadersBaseOffset) {
  ByteBuffer frame = Build({{.value = "a"}, {.value = "b"}});
  StampBatch(frame.span(), {.index = Index(5), .base_offset = Offset(40)}, 7);
  const auto batch = OpenRecords(frame.span());
  ASSERT_TRUE(batch.has_value());
  BatchCursor cursor(*batch);
  EXPECT_EQ(cursor.Next()->offset, Offset(40));
  EXPECT_EQ(cursor.Next()->offset, Offset(41));
  EXPECT_FALSE(cursor.Next().has_value());
  EXPECT_FALSE(cursor.Next().has_value());
}

TEST(BatchRoundTrip, AControlEntryOpensWithoutRecords) {
  const ByteBuffer frame = MakeControlEntry(EntryKind::kLogStart, AsBytes("12345678"));
  const auto batch = OpenRecords(frame.span());
  ASSERT_TRUE(batch.has_value());
  EXPECT_FALSE(BatchCursor(*batch).Next().has_value());
}

TEST(BatchRoundTrip, SessionAndSequenceStandInTheHeader) {
  BatchBuilder builder(kBatchBytesMax);
  ASSERT_TRUE(builder.Append({.value = "v"}));
  const ByteBuffer frame =
      builder.Finish({.session = SessionId(9), .session_epoch = 3, .base_sequence = 77});
  const auto header = ValidateBatch(frame.span());
  ASSERT_TRUE(header.has_value()) << header.error().ToString();
  EXPECT_EQ(header->producer.session, SessionId(9));
  EXPECT_EQ(header->producer.session_epoch, 3u);
  EXPECT_EQ(header->producer.base_sequence, 77u);
}

class CodecTest : public testing::TestWithParam<Codec> {};

TEST_P(CodecTest, CompressedRecordsComeBack) {
  std::vector<OwnedRecord> records;
  for (int i = 0; i < 1000; ++i)
    records.push_back({.key = std::to_string(i), .value = "the same words again and again"});
  const ByteBuffer frame = Build(records, GetParam());
  const auto header = ValidateBatch(frame.span());
  ASSERT_TRUE(header.has_value()) << header.error().ToString();
  EXPECT_EQ(header->producer.codec, GetParam());
  EXPECT_LT(header->producer.length, header->producer.records_bytes / 2);
  EXPECT_EQ(ReadAll(frame.span()), records);
}

TEST_P(CodecTest, WhatDoesNotShrinkIsNotCompressed) {
  const std::vector<OwnedRecord> records = {{.value = "x"}};
  const ByteBuffer frame = Build(records, GetParam());
  EXPECT_EQ(ParseBatchHeader(frame.span())->producer.codec, Codec::kNone);
  EXPECT_EQ(ReadAll(frame.span()), records);
}

TEST_P(CodecTest, ZerosStayWithinTheRatioThatReadersAccept) {
  const std::vector<OwnedRecord> records = {{.value = std::string(4 << 20, '\0')}};
  const ByteBuffer frame = Build(records, GetParam());
  EXPECT_LT(frame.size(), std::size_t{64} << 10);
  EXPECT_TRUE(ValidateBatch(frame.span()).has_value());
  EXPECT_EQ(ReadAll(frame.span()), records);
}

INSTANTIATE_TEST_SUITE_P(Codecs, CodecTest, testing::Values(Codec::kLz4, Codec::kZstd));

std::size_t BytesMax(const OwnedRecord& owned) {
  const std::vector<RecordHeader> headers = HeadersOf(owned);
  Record record = owned.View();
  record.headers = headers;
  return RecordBytesMax(record);
}

OwnedRecord RandomRecord(std::mt19937_64* random) {
  const auto text = [&] {
    return std::string((*random)() % ((*random)() % 8 == 0 ? 3000 : 90),
                       static_cast<char>((*random)() % 256));
  };
  const auto maybe = [&]() -> std::optional<std::string> {
    if ((*random)() % 4 == 0) return std::nullopt;
    return text();
  };
  OwnedRecord record{.key = maybe(), .value = maybe()};
  for (auto left = (*random)() % 4; left > 0; --left) record.headers.emplace_back(text(), maybe());
  record.timestamp_ms =
      static_cast<std::int64_t>((*random)() % 8 == 0 ? (*random)() % std::uint64_t{kTimestampMsMax}
                                                     : 1'700'000'000'000 + (*random)() % 1000);
  return record;
}

TEST(BatchRoundTrip, RandomBatchesComeBack) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  BatchBuilder builder(200'000);
  for (int round = 0; round < 200; ++round) {
    std::vector<OwnedRecord> records;
    for (auto left = 1 + random() % 300; left > 0; --left) {
      OwnedRecord record = RandomRecord(&random);
      const std::size_t before = builder.bytes();
      if (!AppendTo(&builder, record)) {
        ASSERT_GT(before + BytesMax(record), 200'000u);
        break;
      }
      ASSERT_LE(builder.bytes() - before, BytesMax(record));
      records.push_back(std::move(record));
    }
    const Codec codecs[] = {Codec::kNone, Codec::kLz4, Codec::kZstd};
    ByteBuffer frame = builder.Finish({.codec = codecs[random() % 3]});
    const auto header = ValidateBatch(frame.span());
    ASSERT_TRUE(header.has_value()) << header.error().ToString();
    ASSERT_EQ(ReadAll(frame.span()), records);
    if (random() % 2 == 0) builder.Recycle(std::move(frame));
  }
}

TEST(BatchBuilder, SaysNoAtItsLimitAndChangesNothing) {
  const std::string kilobyte(1024, 'x');
  BatchBuilder builder(64 << 10);
  std::uint32_t appended = 0;
  while (builder.Append({.value = kilobyte})) ++appended;
  EXPECT_EQ(builder.count(), appended);
  EXPECT_LE(builder.bytes(), std::size_t{64} << 10);
  EXPECT_GT(builder.bytes() + 1100, std::size_t{64} << 10);
  const std::size_t bytes = builder.bytes();
  const ByteBuffer frame = builder.Finish({});
  EXPECT_EQ(ParseBatchHeader(frame.span())->producer.length, bytes);
  EXPECT_EQ(ReadAll(frame.span()).size(), appended);
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.bytes(), kBatchHeaderBytes);
}

TEST(BatchBuilder, ARecordThatNoBatchCanTakeIsRefusedBeforeAndByTheBuilder) {
  const std::string large(1000, 'x');
  const Record record{.value = large};
  BatchBuilder builder(500);
  EXPECT_FALSE(builder.Append(record));
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(CheckRecord(record, 500).error().code, ErrorCode::kBatchTooLarge);
  EXPECT_TRUE(CheckRecord(record, 1500).has_value());
}

TEST(BatchBuilder, AnAbsurdTimestampIsRefusedBefore) {
  EXPECT_EQ(CheckRecord({.timestamp_ms = -1}, 1000).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(CheckRecord({.timestamp_ms = kTimestampMsMax + 1}, 1000).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(BatchBuilder, ARecycledFrameIsUsedAgain) {
  BatchBuilder builder(1 << 20);
  const std::string value(100, 'x');
  ASSERT_TRUE(builder.Append({.value = value}));
  ByteBuffer frame = builder.Finish({});
  const std::byte* const block = frame.data();
  builder.Recycle(std::move(frame));
  ASSERT_TRUE(builder.Append({.value = value}));
  EXPECT_EQ(builder.Finish({}).data(), block);
}

TEST(BatchBuilder, AClearedBuilderStartsAnew) {
  BatchBuilder builder(1000);
  ASSERT_TRUE(builder.Append({.value = "old", .timestamp_ms = 99}));
  builder.Clear();
  ASSERT_TRUE(builder.Append({.value = "new", .timestamp_ms = 7}));
  const ByteBuffer frame = builder.Finish({});
  EXPECT_EQ(ReadAll(frame.span()), (std::vector<OwnedRecord>{{.value = "new", .timestamp_ms = 7}}));
}

}  // namespace
}  // namespace raftmq
