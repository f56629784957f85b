#include "segment/checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace raftmq {
namespace {

Checkpoint Sample(std::size_t state_bytes) {
  Checkpoint checkpoint;
  checkpoint.group = {TopicId{1, 2}, PartitionNumber(3)};
  checkpoint.group_seed = 4;
  checkpoint.membership = {{NodeId(1), ReplicaNumber(9), true},
                           {NodeId(2), ReplicaNumber(10), false}};
  checkpoint.before = {Index(5), Term(6), Offset(7), 8, 9};
  checkpoint.log_start = Offset(2);
  checkpoint.segment_bytes = 1u << 20;
  checkpoint.state_machine = ByteBuffer(state_bytes);
  for (std::size_t i = 0; i < state_bytes; ++i)
    checkpoint.state_machine.data()[i] = static_cast<std::byte>(i * 7);
  return checkpoint;
}

std::vector<ByteSpan> SpansOf(const std::vector<ByteBuffer>& payloads) {
  std::vector<ByteSpan> spans;
  for (const auto& payload : payloads) spans.push_back(payload.span());
  return spans;
}

TEST(CheckpointTest, ManyPartsMakeTheWholeAgain) {
  const auto payloads = EncodeCheckpoint(Sample(3u << 20));
  ASSERT_EQ(payloads.size(), 4u);
  const auto decoded = DecodeCheckpoint(SpansOf(payloads));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().ToString();
  const Checkpoint sample = Sample(3u << 20);
  EXPECT_EQ(decoded->membership, sample.membership);
  EXPECT_EQ(decoded->before, sample.before);
  EXPECT_EQ(decoded->segment_bytes, sample.segment_bytes);
  EXPECT_TRUE(std::ranges::equal(decoded->state_machine.span(), sample.state_machine.span()));
}

TEST(CheckpointTest, ThePartsOfTwoCheckpointsDoNotMix) {
  auto payloads = EncodeCheckpoint(Sample(2u << 20));
  auto others = EncodeCheckpoint(Sample((2u << 20) + 1));
  payloads[1] = std::move(others[1]);
  EXPECT_FALSE(DecodeCheckpoint(SpansOf(payloads)).has_value());
  payloads.pop_back();
  EXPECT_FALSE(DecodeCheckpoint(SpansOf(payloads)).has_value());
  EXPECT_FALSE(DecodeCheckpoint({}).has_value());
}

TEST(CheckpointTest, AnotherVersionIsRefusedByName) {
  auto payloads = EncodeCheckpoint(Sample(0));
  payloads[0].data()[4] = std::byte{3};
  EXPECT_EQ(DecodeCheckpoint(SpansOf(payloads)).error().ToString(),
            "UNKNOWN_FORMAT: expected checkpoint format 1 or 2, found 3");
}

// So that a broker that knows of no message ids takes those that have none, and no others.
TEST(CheckpointTest, OnlyOneWithMessageIdsIsOfVersion2) {
  Checkpoint sample = Sample(10);
  EXPECT_EQ(ParseCheckpointPart(EncodeCheckpoint(sample)[0].span())->version, 1);
  sample.message_ids = ByteBuffer(40);
  std::fill_n(sample.message_ids.data(), 40, std::byte{7});
  auto payloads = EncodeCheckpoint(sample);
  EXPECT_EQ(ParseCheckpointPart(payloads[0].span())->version, 2);
  const auto decoded = DecodeCheckpoint(SpansOf(payloads));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().ToString();
  EXPECT_TRUE(std::ranges::equal(decoded->message_ids.span(), sample.message_ids.span()));
  payloads[0].data()[4] = std::byte{1};
  EXPECT_EQ(DecodeCheckpoint(SpansOf(payloads)).error().code, ErrorCode::kBadBatch);
  payloads = EncodeCheckpoint(Sample(10));
  payloads[0].data()[4] = std::byte{2};
  EXPECT_EQ(DecodeCheckpoint(SpansOf(payloads)).error().code, ErrorCode::kBadBatch);
}

TEST(CheckpointTest, ALyingReplicaCountDoesNotAllocate) {
  const auto payloads = EncodeCheckpoint(Sample(0));
  for (std::size_t cut = 0; cut < payloads[0].size(); ++cut) {
    EXPECT_FALSE(DecodeCheckpoint({payloads[0].span().first(cut)}).has_value()) << cut;
  }
}

}  // namespace
}  // namespace raftmq
