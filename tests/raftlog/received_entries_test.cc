// What a peer sends is refused before anything is derived from it.
#include "raftlog/received_entries.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "protocol/types/batch_builder.h"
#include "segment/checkpoint.h"

namespace raftmq {
namespace {

constexpr std::uint64_t kSeed = 7;

Status CheckCheckpointPart(ByteSpan payload) {
  ByteBuffer frame = MakeControlEntry(EntryKind::kCheckpoint, payload);
  StampBatch(frame.span(), {.index = Index(1), .term = Term(1)}, kSeed);
  std::vector<SharedBytes> frames;
  frames.emplace_back(std::move(frame));
  AppendRequest request;
  const auto checked = CheckReceivedEntries(frames, kSeed, &request);
  return checked ? Ok() : Status(Fail(checked.error()));
}

TEST(ReceivedEntries, ACheckpointThatEndsWithinItsHeadIsRefused) {
  const Checkpoint checkpoint{.membership = {{.node = NodeId(1), .number = ReplicaNumber(1)}},
                              .segment_bytes = 64u << 10};
  const std::vector<ByteBuffer> parts = EncodeCheckpoint(checkpoint);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_TRUE(CheckCheckpointPart(parts.front().span()).has_value());
  const Status refused = CheckCheckpointPart(parts.front().span().first(60));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kBadBatch);
}

}  // namespace
}  // namespace raftmq
