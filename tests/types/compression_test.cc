#include "protocol/types/compression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <random>
#include <string>

#include "protocol/types/batch_cursor.h"
#include "protocol/types/batch_validator.h"
#include "tests/types/batch_samples.h"
#include "tests/types/forged_batch.h"

namespace raftmq {
namespace {

using testing::HasSubstr;

class CompressionTest : public testing::TestWithParam<Codec> {
 protected:
  // The compressed bytes of `records`, whatever they are.
  std::string Compress(const std::string& records) {
    const Compressed compressed = compressor_.Compress(GetParam(), AsBytes(records));
    EXPECT_EQ(compressed.codec, GetParam());
    return std::string(AsText(compressed.bytes));
  }
  // A frame of one record of 10,000 compressible bytes that claims `records_bytes` after
  // decompression; 0 = what is true.
  ByteBuffer Claiming(std::uint32_t records_bytes, const std::string& tail = "") {
    const std::string records = Records();
    return Forge(Compress(records) + tail,
                 {.codec = GetParam(),
                  .records_bytes = records_bytes == 0 ? static_cast<std::uint32_t>(records.size())
                                                      : records_bytes,
                  .record_count = 1});
  }
  static std::string Records() {
    return ForgedRecord{.value = Varint(10'000) + std::string(10'000, 'v')}.Bytes();
  }
  static void ExpectNotOpened(const ByteBuffer& frame, std::string_view words,
                              std::size_t limit = kBatchBytesMax) {
    const auto opened = OpenRecords(frame.span(), limit);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, ErrorCode::kBadBatch);
    EXPECT_THAT(opened.error().message, HasSubstr(words));
  }

  Compressor compressor_;
};

TEST_P(CompressionTest, ATrueClaimIsOpened) {
  const ByteBuffer frame = Claiming(0);
  EXPECT_TRUE(ValidateBatch(frame.span()).has_value());
  const auto opened = OpenRecords(frame.span());
  ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
  EXPECT_EQ(AsText(opened->records()), Records());
}

TEST_P(CompressionTest, AClaimThatIsOneOffIsRefused) {
  const auto truth = static_cast<std::uint32_t>(Records().size());
  ExpectNotOpened(Claiming(truth - 1), "");
  ExpectNotOpened(Claiming(truth + 1), "");
}

TEST_P(CompressionTest, AClaimAboveTheLimitIsRefusedByBrokerAndReader) {
  const ByteBuffer frame = Claiming(0);
  ExpectNotOpened(frame, "the limit is 10000", 10'000);
  const auto validated = ValidateBatch(frame.span(), {.records_bytes_max = 10'000});
  EXPECT_EQ(validated.error().code, ErrorCode::kBadBatch);
}

TEST_P(CompressionTest, AClaimBeyondTheRatioIsRefusedByBrokerAndReader) {
  const ByteBuffer frame = Claiming(kBatchBytesMax);
  ExpectNotOpened(frame, "at most 1024 times as many are opened");
  EXPECT_EQ(ValidateBatch(frame.span()).error().code, ErrorCode::kBadBatch);
}

TEST_P(CompressionTest, ABombThatClaimsLittleIsStoppedAtItsClaim) {
  std::mt19937 random(1);
  std::string large(32 << 20, '\0');
  for (std::size_t i = 0; i < 60'000; ++i) large[i] = static_cast<char>(random());
  const std::string bomb = Compress(large);
  const ByteBuffer frame =
      Forge(bomb, {.codec = GetParam(), .records_bytes = 5000, .record_count = 1});
  ExpectNotOpened(frame, "5000 bytes");
}

TEST_P(CompressionTest, MoreThanOneFrameIsRefused) {
  ExpectNotOpened(Claiming(0, "junk"), "not exactly one");
  ExpectNotOpened(Claiming(0, Compress(std::string(100, 'x'))), "not exactly one");
}

TEST_P(CompressionTest, ACutOffFrameIsRefused) {
  const std::string records = Records();
  const std::string whole = Compress(records);
  for (std::size_t bytes = 1; bytes < whole.size(); ++bytes) {
    const ByteBuffer frame =
        Forge(whole.substr(0, bytes), {.codec = GetParam(),
                                       .records_bytes = static_cast<std::uint32_t>(records.size()),
                                       .record_count = 1});
    ASSERT_FALSE(OpenRecords(frame.span()).has_value()) << bytes;
  }
}

TEST_P(CompressionTest, LiesInsideAreFoundByTheReader) {
  // No broker looks inside; the consumer does, before it hands out anything.
  const std::string records = Records() + Records();  // Both with offset delta 0.
  const ByteBuffer frame =
      Forge(Compress(records), {.codec = GetParam(),
                                .records_bytes = static_cast<std::uint32_t>(records.size()),
                                .record_count = 2});
  EXPECT_TRUE(ValidateBatch(frame.span()).has_value());
  ExpectNotOpened(frame, "expected offset delta 1, found 0");
}

TEST_P(CompressionTest, MoreRecordsThanTheirBytesCanHoldAreRefusedUnopened) {
  ByteBuffer frame = Claiming(0);
  Reseal(&frame, [](ProducerBlock* block) { block->record_count = block->records_bytes; });
  EXPECT_EQ(ValidateBatch(frame.span()).error().code, ErrorCode::kBadBatch);
}

TEST(ZstdTest, AFrameThatHidesItsSizeIsBoundedToo) {
  const std::string records(100'000, 'x');
  std::string section(10'000, '\0');
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  section.resize(
      ZSTD_compress2(context, section.data(), section.size(), records.data(), records.size()));
  ZSTD_freeCCtx(context);
  EXPECT_TRUE(Decompress(Codec::kZstd, AsBytes(section), 100'000).has_value());
  EXPECT_FALSE(Decompress(Codec::kZstd, AsBytes(section), 99'999).has_value());
  EXPECT_FALSE(Decompress(Codec::kZstd, AsBytes(section), 100'001).has_value());
}

INSTANTIATE_TEST_SUITE_P(Codecs, CompressionTest, testing::Values(Codec::kLz4, Codec::kZstd));

}  // namespace
}  // namespace raftmq
