#include "protocol/types/batch_header.h"

#include <gtest/gtest.h>

#include <bit>

namespace raftmq {
namespace {

constexpr std::uint64_t kSeed = 0x1234;

ByteBuffer StampedNoOp() {
  ByteBuffer frame = MakeControlEntry(EntryKind::kNoOp, AsBytes("abc"));
  StampBatch(frame.span(),
             {.index = Index(3),
              .term = Term(2),
              .base_offset = Offset(9),
              .append_time_ms = 5,
              .committed_up_to = Index(1),
              .chain = 77},
             kSeed);
  return frame;
}

TEST(BatchHeaderTest, WhatIsStampedIsParsed) {
  const ByteBuffer frame = StampedNoOp();
  const auto header = ParseBatchHeader(frame.span());
  ASSERT_TRUE(header.has_value()) << header.error().ToString();
  EXPECT_EQ(header->leader.index, Index(3));
  EXPECT_EQ(header->leader.chain, 77u);
  EXPECT_EQ(header->producer.length, kBatchHeaderBytes + 3);
  EXPECT_EQ(header->padded_length(), frame.size());
  EXPECT_TRUE(PayloadHashHolds(frame.span(), *header));
  EXPECT_TRUE(HeaderHashHolds(frame.span(), kSeed));
  EXPECT_FALSE(HeaderHashHolds(frame.span(), kSeed + 1));
}

TEST(BatchHeaderTest, EveryFlippedBitOfAFrameIsSeen) {
  ByteBuffer frame = StampedNoOp();
  const std::size_t length = ParseBatchHeader(frame.span())->producer.length;
  for (std::size_t bit = 0; bit < length * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1u << (bit % 8));
    frame.data()[bit / 8] ^= mask;
    const auto header = ParseBatchHeader(frame.span());
    const bool whole = header && header->producer.length == length &&
                       PayloadHashHolds(frame.span(), *header) &&
                       HeaderHashHolds(frame.span(), kSeed);
    ASSERT_FALSE(whole) << "bit " << bit;
    frame.data()[bit / 8] ^= mask;
  }
}

TEST(BatchHeaderTest, AnotherVersionIsRefusedByName) {
  ByteBuffer frame = StampedNoOp();
  frame.data()[68] = std::byte{9};
  EXPECT_EQ(ParseBatchHeader(frame.span()).error().ToString(),
            "UNKNOWN_FORMAT: expected batch format 1, found 9");
}

TEST(BatchHeaderTest, AShortHeaderIsRefused) {
  const ByteBuffer frame = StampedNoOp();
  EXPECT_EQ(ParseBatchHeader(frame.span().first(119)).error().code, ErrorCode::kBadBatch);
}

}  // namespace
}  // namespace raftmq
