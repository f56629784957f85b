#include "segment/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/types/hash.h"
#include "segment/byte_codec.h"
#include "segment/checkpoint_fields.h"

namespace raftmq {
namespace {

constexpr std::uint32_t kCheckpointMagic = 0x50434D52;  // "RMCP".
// Without message ids, and with them: logs that have none stay readable for who knows of none.
constexpr std::uint16_t kVersion = 1;
constexpr std::uint16_t kVersionWithMessageIds = 2;
constexpr std::size_t kPartHeaderBytes = 24;

std::uint16_t VersionOf(const Checkpoint& checkpoint) {
  return checkpoint.message_ids.size() == 0 ? kVersion : kVersionWithMessageIds;
}

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
  const auto put_table = [&out](const ByteBuffer& bytes) {
    out.Put(static_cast<std::uint64_t>(bytes.size()));
    out.PutBytes(bytes.span());
  };
  put_table(checkpoint.sessions);
  put_table(checkpoint.state_machine);
  if (VersionOf(checkpoint) == kVersionWithMessageIds) put_table(checkpoint.message_ids);
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

Result<Checkpoint> DecodeWhole(ByteSpan bytes, std::uint16_t version) {
  ByteReader in(bytes);
  RAFTMQ_TRY_ASSIGN(Checkpoint checkpoint, DecodeHead(in));
  const auto get_table = [&in] { return CopyOf(in.GetBytes(in.Get<std::uint64_t>())); };
  checkpoint.sessions = get_table();
  checkpoint.state_machine = get_table();
  if (version == kVersionWithMessageIds) checkpoint.message_ids = get_table();
  if (!in.ok() || in.left() != 0 || VersionOf(checkpoint) != version)
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
    out.Put(VersionOf(checkpoint));
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
  CheckpointPart part;
  part.version = in.Get<std::uint16_t>();
  const auto reserved = in.Get<std::uint16_t>();
  part.part = in.Get<std::uint32_t>();
  part.parts = in.Get<std::uint32_t>();
  part.whole_hash = in.Get<std::uint64_t>();
  if (!in.ok() || magic != kCheckpointMagic || reserved != 0)
    return Fail(ErrorCode::kBadBatch, "a checkpoint entry does not hold a checkpoint");
  if (part.version != kVersion && part.version != kVersionWithMessageIds) {
    return Fail(ErrorCode::kUnknownFormat,
                fmt::format("expected checkpoint format {} or {}, found {}", kVersion,
                            kVersionWithMessageIds, part.version));
  }
  if (part.part >= part.parts)
    return Fail(ErrorCode::kBadBatch,
                fmt::format("part {} of a checkpoint of {} parts", part.part, part.parts));
  return part;
}

Result<Checkpoint> DecodeCheckpoint(const std::vector<ByteSpan>& payloads) {
  ByteWriter whole;
  CheckpointPart first;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    RAFTMQ_TRY_ASSIGN(const CheckpointPart part, ParseCheckpointPart(payloads[i]));
    if (part.part != i || part.parts != payloads.size()) {
      return Fail(ErrorCode::kBadBatch, fmt::format("expected part {} of {}, found part {} of {}",
                                                    i, payloads.size(), part.part, part.parts));
    }
    if (i == 0) first = part;
    if (part.whole_hash != first.whole_hash || part.version != first.version) {
      return Fail(ErrorCode::kBadBatch, fmt::format("part {} belongs to another checkpoint", i));
    }
    whole.PutBytes(payloads[i].subspan(kPartHeaderBytes));
  }
  if (payloads.empty() || Hash64(whole.bytes()) != first.whole_hash)
    return Fail(ErrorCode::kBadBatch, "the parts of a checkpoint do not make the whole");
  return DecodeWhole(whole.bytes(), first.version);
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
