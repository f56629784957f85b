#include "segment/front_checkpoint.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "segment/frame_check.h"
#include "segment/segment_scan.h"

namespace raftmq {
namespace {

struct Part {
  std::vector<std::byte> payload;
  std::uint64_t end = 0;  // Of its frame.
};

// The payload of the checkpoint entry `index` at byte `at`; nullopt if there is none.
Result<std::optional<Part>> ReadPart(SegmentBytes& bytes, std::uint64_t at, Index index,
                                     std::uint64_t group_seed) {
  RAFTMQ_TRY_ASSIGN(ByteSpan frame, bytes.Get(at, kBatchHeaderBytes));
  if (frame.size() < kBatchHeaderBytes) return std::optional<Part>();
  RAFTMQ_TRY_ASSIGN(frame, bytes.Get(at, ClaimedBytes(frame)));
  const auto header = CheckFrame(frame, group_seed);
  if (!header || header->leader.index != index || header->producer.kind != EntryKind::kCheckpoint)
    return std::optional<Part>();
  const ByteSpan payload =
      frame.subspan(kBatchHeaderBytes, header->producer.length - kBatchHeaderBytes);
  return std::optional<Part>({{payload.begin(), payload.end()}, at + header->padded_length()});
}

// The same of a part that follows another one, which ends at `at`: a job may have begun with it, on
// a fresh page.
Result<std::optional<Part>> ReadNextPart(SegmentBytes& bytes, std::uint64_t at, Index index,
                                         std::uint64_t group_seed) {
  RAFTMQ_TRY_ASSIGN(auto part, ReadPart(bytes, at, index, group_seed));
  const std::uint64_t page = AlignUp(at, kPageBytes);
  if (part || page == at) return part;
  RAFTMQ_TRY_ASSIGN(const ByteSpan between, bytes.Get(at, page - at));
  if (!IsAllZero(between)) return part;
  return ReadPart(bytes, page, index, group_seed);
}

}  // namespace

Result<std::optional<Checkpoint>> ReadFrontCheckpoint(FileSystem& files, const FrontOf& front,
                                                      Index committed) {
  RAFTMQ_TRY_ASSIGN(auto bytes, SegmentBytes::Open(files, front.path, true));
  std::vector<Part> parts;
  std::uint32_t wanted = 1;
  for (Index index = front.first; parts.size() < wanted; index = index.Next()) {
    if (index > committed) return std::optional<Checkpoint>();
    const std::uint64_t at = parts.empty() ? 0 : parts.back().end;
    RAFTMQ_TRY_ASSIGN(auto part, ReadNextPart(bytes, at, index, front.group_seed));
    if (!part) return std::optional<Checkpoint>();
    RAFTMQ_TRY_ASSIGN(const CheckpointPart said, ParseCheckpointPart(part->payload));
    wanted = said.parts;
    parts.push_back(std::move(*part));
  }
  std::vector<ByteSpan> payloads;
  for (const Part& part : parts) payloads.emplace_back(part.payload);
  auto checkpoint = DecodeCheckpoint(payloads);
  if (!checkpoint) return std::optional<Checkpoint>();
  return std::optional<Checkpoint>(std::move(*checkpoint));
}

Result<std::optional<Checkpoint>> ReadFrontHead(FileSystem& files, const FrontOf& front) {
  RAFTMQ_TRY_ASSIGN(auto bytes, SegmentBytes::Open(files, front.path, true));
  RAFTMQ_TRY_ASSIGN(const auto part, ReadPart(bytes, 0, front.first, front.group_seed));
  if (!part) return std::optional<Checkpoint>();
  auto head = CheckpointHeadOf(part->payload);
  if (!head) return std::optional<Checkpoint>();
  return std::optional<Checkpoint>(std::move(*head));
}

}  // namespace raftmq
