#include "segment/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/types/hash.h"
#include "segment/byte_codec.h"
#include "segment/checkpoint_fields.h"

namespace raftmq {
namespace {

constexpr std::uint32_t kCheckpointMagic = 0x50434D52;  // "RMCP".
constexpr std::uint16_t kCheckpointVersion = 1;
constexpr std::size_t kPartHeaderBytes = 24;

std::vector<std::byte> EncodeWhole(const Checkpoint& checkpoint) {
  ByteWriter out;
  out.Put(checkpoint.group.topic.high);
  out.Put(checkpoint.group.topic.low);
  out.Put(checkpoint.group.partition.value());
  out.Put(checkpoint.group_seed);
  PutMembership(out, checkpoint.membership);
  PutTail(out, checkpoint.before);
  out.Put(checkpoint.log_start.value());
  out.Put(checkpoint.segment_bytes);
  for (const ByteBuffer* bytes : {&checkpoint.sessions, &checkpoint.state_machine}) {
    out.Put(static_cast<std::uint64_t>(bytes->size()));
    out.PutBytes(bytes->span());
  }
  return out.bytes();
}

ByteBuffer CopyOf(ByteSpan bytes) {
  ByteBuffer copy(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.data());
  return copy;
}

// Everything before the tables, which may be long.
Result<Checkpoint> DecodeHead(ByteReader& in) {
  Checkpoint checkpoint;
  checkpoint.group.topic.high = in.Get<std::uint64_t>();
  checkpoint.group.topic.low = in.Get<std::uint64_t>();
  checkpoint.group.partition = PartitionNumber(in.Get<std::uint32_t>());
  checkpoint.group_seed = in.Get<std::uint64_t>();
  checkpoint.membership = GetMembership(in);
  if (!in.ok()) return Fail(ErrorCode::kBadBatch, "a checkpoint ends within its membership");
  checkpoint.before = GetTail(in);
  checkpoint.log_start = Offset(in.Get<std::uint64_t>());
  checkpoint.segment_bytes = in.Get<std::uint64_t>();
  return checkpoint;
}

Result<Checkpoint> DecodeWhole(ByteSpan bytes) {
  ByteReader in(bytes);
  RAFTMQ_TRY_ASSIGN(Checkpoint checkpoint, DecodeHead(in));
  for (ByteBuffer* to : {&checkpoint.sessions, &checkpoint.state_machine})
    *to = CopyOf(in.GetBytes(in.Get<std::uint64_t>()));
  if (!in.ok() || in.left() != 0)
    return Fail(ErrorCode::kBadBatch,
                fmt::format("a checkpoint of {} bytes has fields of another length", bytes.size()));
  return checkpoint;
}

}  // namespace

std::vector<ByteBuffer> EncodeCheckpoint(const Checkpoint& checkpoint, std::size_t part_bytes_max) {
  const std::vector<std::byte> whole = EncodeWhole(checkpoint);
  const std::size_t room = part_bytes_max - kPartHeaderBytes;
  const auto parts = static_cast<std::uint32_t>((whole.size() + room - 1) / room);
  const std::uint64_t hash = Hash64(whole);
  std::vector<ByteBuffer> payloads;
  for (std::uint32_t part = 0; part < parts; ++part) {
    const std::size_t at = part * room;
    ByteWriter out;
    out.Put(kCheckpointMagic);
    out.Put(kCheckpointVersion);
    out.Put(std::uint16_t{0});
    out.Put(part);
    out.Put(parts);
    out.Put(hash);
    out.PutBytes(ByteSpan(whole).subspan(at, std::min(room, whole.size() - at)));
    payloads.push_back(CopyOf(out.bytes()));
  }
  return payloads;
}

Result<CheckpointPart> ParseCheckpointPart(ByteSpan payload) {
  ByteReader in(payload);
  const auto magic = in.Get<std::uint32_t>();
  const auto version = in.Get<std::uint16_t>();
  const auto reserved = in.Get<std::uint16_t>();
  CheckpointPart part;
  part.part = in.Get<std::uint32_t>();
  part.parts = in.Get<std::uint32_t>();
  part.whole_hash = in.Get<std::uint64_t>();
  if (!in.ok() || magic != kCheckpointMagic || reserved != 0)
    return Fail(ErrorCode::kBadBatch, "a checkpoint entry does not hold a checkpoint");
  if (version != kCheckpointVersion)
    return Fail(ErrorCode::kUnknownFormat, fmt::format("expected checkpoint format {}, found {}",
                                                       kCheckpointVersion, version));
  if (part.part >= part.parts)
    return Fail(ErrorCode::kBadBatch,
                fmt::format("part {} of a checkpoint of {} parts", part.part, part.parts));
  return part;
}

Result<Checkpoint> DecodeCheckpoint(const std::vector<ByteSpan>& payloads) {
  ByteWriter whole;
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    RAFTMQ_TRY_ASSIGN(const CheckpointPart part, ParseCheckpointPart(payloads[i]));
    if (part.part != i || part.parts != payloads.size()) {
      return Fail(ErrorCode::kBadBatch, fmt::format("expected part {} of {}, found part {} of {}",
                                                    i, payloads.size(), part.part, part.parts));
    }
    if (i > 0 && part.whole_hash != hash) {
      return Fail(ErrorCode::kBadBatch, fmt::format("part {} belongs to another checkpoint", i));
    }
    hash = part.whole_hash;
    whole.PutBytes(payloads[i].subspan(kPartHeaderBytes));
  }
  if (payloads.empty() || Hash64(whole.bytes()) != hash)
    return Fail(ErrorCode::kBadBatch, "the parts of a checkpoint do not make the whole");
  return DecodeWhole(whole.bytes());
}

Result<Checkpoint> CheckpointHeadOf(ByteSpan first_part) {
  RAFTMQ_TRY_ASSIGN(const CheckpointPart part, ParseCheckpointPart(first_part));
  if (part.part != 0) return Fail(ErrorCode::kBadBatch, "not the first part of a checkpoint");
  ByteReader in(first_part.subspan(kPartHeaderBytes));
  RAFTMQ_TRY_ASSIGN(Checkpoint head, DecodeHead(in));
  if (!in.ok()) return Fail(ErrorCode::kBadBatch, "a checkpoint that ends in its first fields");
  return head;
}

}  // namespace raftmq
