#include "protocol/types/batch_header.h"

#include <fmt/format.h>

#include <cstring>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"

namespace raftmq {
namespace {

// Places of the fields; FORMAT.md draws them.
constexpr std::size_t kHeaderHashAt = 0;
constexpr std::size_t kChainAt = 8;
constexpr std::size_t kIndexAt = 16;
constexpr std::size_t kTermAt = 24;
constexpr std::size_t kBaseOffsetAt = 32;
constexpr std::size_t kAppendTimeAt = 40;
constexpr std::size_t kCommittedUpToAt = 48;
constexpr std::size_t kPayloadHashAt = kBatchPayloadHashAt;
constexpr std::size_t kMagicAt = kBatchMagicAt;
constexpr std::size_t kKindAt = 69;
constexpr std::size_t kAttributesAt = 70;
constexpr std::size_t kLengthAt = kBatchLengthAt;
constexpr std::size_t kRecordsBytesAt = 76;
constexpr std::size_t kRecordCountAt = 80;
constexpr std::size_t kCrc32cAt = 84;
constexpr std::size_t kBaseTimestampAt = 88;
constexpr std::size_t kMaxTimestampAt = 96;
constexpr std::size_t kSessionAt = 104;
constexpr std::size_t kSessionEpochAt = 112;
constexpr std::size_t kBaseSequenceAt = 116;
static_assert(kBaseSequenceAt + 4 == kBatchHeaderBytes);
static_assert(kBatchHeaderBytes % kBatchAlignment == 0);

constexpr std::uint16_t kCodecMask = 7;
constexpr std::uint16_t kMessageIdBit = 1u << 8;  // Above those that Kafka uses.

template <class T>
T Load(ByteSpan bytes, std::size_t at) {
  return LoadLittleEndian<T>(bytes.data() + at);
}

bool IsKnownCodec(std::uint16_t attributes) {
  switch (static_cast<Codec>(attributes & kCodecMask)) {
    case Codec::kNone:
    case Codec::kLz4:
    case Codec::kZstd:
      return true;
  }
  return false;
}

std::uint16_t AttributesOf(const ProducerBlock& block) {
  const auto codec = static_cast<std::uint16_t>(block.codec);
  return static_cast<std::uint16_t>(codec | (block.has_message_id ? kMessageIdBit : 0));
}

Status CheckProducerBlock(ByteSpan bytes, const ProducerBlock& producer) {
  const auto kind = Load<std::uint8_t>(bytes, kKindAt);
  if (kind > kEntryKindMax)
    return Fail(ErrorCode::kBadBatch,
                fmt::format("expected an entry kind up to {}, found {}", kEntryKindMax, kind));
  const auto attributes = Load<std::uint16_t>(bytes, kAttributesAt);
  if (!IsKnownCodec(attributes) || (attributes & ~(kCodecMask | kMessageIdBit)) != 0)
    return Fail(
        ErrorCode::kBadBatch,
        fmt::format("expected codec none, lz4 or zstd and perhaps a message id, found attributes "
                    "{:#06x}",
                    attributes));
  if (producer.has_message_id && (producer.record_count != 1 || producer.codec != Codec::kNone)) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("expected one record, not compressed, beside a message id, found {}",
                            producer.record_count));
  }
  if (Load<std::uint32_t>(bytes, kCrc32cAt) != 0)
    return Fail(ErrorCode::kBadBatch, "the reserved checksum field is not zero");
  if (producer.length < kBatchHeaderBytes || producer.length > kBatchBytesMax) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("expected a length of {} to {} bytes, found {}", kBatchHeaderBytes,
                            kBatchBytesMax, producer.length));
  }
  const std::size_t section = producer.length - kBatchHeaderBytes;
  if (producer.codec == Codec::kNone && producer.records_bytes != section) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("expected {} bytes of records, the header says {}", section,
                            producer.records_bytes));
  }
  if ((producer.kind == EntryKind::kData) != (producer.record_count > 0)) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("entry of kind {} has {} records", kind, producer.record_count));
  }
  if (producer.kind != EntryKind::kData && producer.codec != Codec::kNone)
    return Fail(ErrorCode::kBadBatch, "a control entry is compressed");
  if (producer.max_timestamp_ms < producer.base_timestamp_ms)
    return Fail(ErrorCode::kBadBatch, "the greatest timestamp is below the base timestamp");
  return Ok();
}

}  // namespace

Result<BatchHeader> ParseBatchHeader(ByteSpan bytes) {
  if (bytes.size() < kBatchHeaderBytes) {
    return Fail(ErrorCode::kBadBatch, fmt::format("expected a header of {} bytes, found {}",
                                                  kBatchHeaderBytes, bytes.size()));
  }
  const auto magic = Load<std::uint32_t>(bytes, kMagicAt);
  if (magic != kBatchMagic)
    return Fail(ErrorCode::kBadBatch,
                fmt::format("expected magic {:#x}, found {:#x}", kBatchMagic, magic));
  const auto version = Load<std::uint8_t>(bytes, kBatchVersionAt);
  if (version != kBatchVersion)
    return Fail(ErrorCode::kUnknownFormat,
                fmt::format("expected batch format {}, found {}", kBatchVersion, version));

  BatchHeader header;
  header.header_hash = Load<std::uint64_t>(bytes, kHeaderHashAt);
  header.leader = {.index = Index(Load<std::uint64_t>(bytes, kIndexAt)),
                   .term = Term(Load<std::uint64_t>(bytes, kTermAt)),
                   .base_offset = Offset(Load<std::uint64_t>(bytes, kBaseOffsetAt)),
                   .append_time_ms = Load<std::int64_t>(bytes, kAppendTimeAt),
                   .committed_up_to = Index(Load<std::uint64_t>(bytes, kCommittedUpToAt)),
                   .chain = Load<std::uint64_t>(bytes, kChainAt)};
  header.payload_hash = Load<std::uint64_t>(bytes, kPayloadHashAt);
  header.producer = {
      .kind = static_cast<EntryKind>(Load<std::uint8_t>(bytes, kKindAt)),
      .codec = static_cast<Codec>(Load<std::uint16_t>(bytes, kAttributesAt) & kCodecMask),
      .has_message_id = (Load<std::uint16_t>(bytes, kAttributesAt) & kMessageIdBit) != 0,
      .length = Load<std::uint32_t>(bytes, kLengthAt),
      .records_bytes = Load<std::uint32_t>(bytes, kRecordsBytesAt),
      .record_count = Load<std::uint32_t>(bytes, kRecordCountAt),
      .base_timestamp_ms = Load<std::int64_t>(bytes, kBaseTimestampAt),
      .max_timestamp_ms = Load<std::int64_t>(bytes, kMaxTimestampAt),
      .session = SessionId(Load<std::uint64_t>(bytes, kSessionAt)),
      .session_epoch = Load<std::uint32_t>(bytes, kSessionEpochAt),
      .base_sequence = Load<std::uint32_t>(bytes, kBaseSequenceAt)};
  RAFTMQ_TRY(CheckProducerBlock(bytes, header.producer));
  return header;
}

void SealBatch(MutableByteSpan frame, const ProducerBlock& block) {
  RAFTMQ_CHECK(frame.size() == block.length);
  RAFTMQ_CHECK(frame.size() >= kBatchHeaderBytes);
  std::byte* const at = frame.data();
  std::memset(at, 0, kBatchHeaderBytes);
  StoreLittleEndian(at + kMagicAt, kBatchMagic);
  StoreLittleEndian(at + kBatchVersionAt, kBatchVersion);
  StoreLittleEndian(at + kKindAt, static_cast<std::uint8_t>(block.kind));
  StoreLittleEndian(at + kAttributesAt, AttributesOf(block));
  StoreLittleEndian(at + kLengthAt, block.length);
  StoreLittleEndian(at + kRecordsBytesAt, block.records_bytes);
  StoreLittleEndian(at + kRecordCountAt, block.record_count);
  StoreLittleEndian(at + kBaseTimestampAt, block.base_timestamp_ms);
  StoreLittleEndian(at + kMaxTimestampAt, block.max_timestamp_ms);
  StoreLittleEndian(at + kSessionAt, block.session.value());
  StoreLittleEndian(at + kSessionEpochAt, block.session_epoch);
  StoreLittleEndian(at + kBaseSequenceAt, block.base_sequence);
  StoreLittleEndian(at + kPayloadHashAt, Hash64(ByteSpan(frame).subspan(kMagicAt)));
}

std::uint64_t StampBatch(MutableByteSpan frame, const LeaderBlock& block,
                         std::uint64_t group_seed) {
  RAFTMQ_CHECK(frame.size() >= kBatchHeaderBytes);
  std::byte* const at = frame.data();
  StoreLittleEndian(at + kChainAt, block.chain);
  StoreLittleEndian(at + kIndexAt, block.index.value());
  StoreLittleEndian(at + kTermAt, block.term.value());
  StoreLittleEndian(at + kBaseOffsetAt, block.base_offset.value());
  StoreLittleEndian(at + kAppendTimeAt, block.append_time_ms);
  StoreLittleEndian(at + kCommittedUpToAt, block.committed_up_to.value());
  const std::uint64_t hash =
      Hash64(ByteSpan(frame).subspan(kChainAt, kMagicAt - kChainAt), group_seed);
  StoreLittleEndian(at + kHeaderHashAt, hash);
  return hash;
}

bool PayloadHashHolds(ByteSpan frame, const BatchHeader& header) {
  RAFTMQ_CHECK(frame.size() >= header.producer.length);
  return Hash64(frame.subspan(kMagicAt, header.producer.length - kMagicAt)) == header.payload_hash;
}

bool HeaderHashHolds(ByteSpan frame, std::uint64_t group_seed) {
  RAFTMQ_CHECK(frame.size() >= kBatchHeaderBytes);
  return Hash64(frame.subspan(kChainAt, kMagicAt - kChainAt), group_seed) ==
         Load<std::uint64_t>(frame, kHeaderHashAt);
}

ByteBuffer MakeControlEntry(EntryKind kind, ByteSpan payload) {
  RAFTMQ_CHECK(kind != EntryKind::kData);
  const std::size_t length = kBatchHeaderBytes + payload.size();
  ByteBuffer frame(AlignUp(length, kBatchAlignment));
  if (!payload.empty())
    std::memcpy(frame.data() + kBatchHeaderBytes, payload.data(), payload.size());
  std::memset(frame.data() + length, 0, frame.size() - length);
  SealBatch(frame.span().first(length),
            {.kind = kind,
             .length = static_cast<std::uint32_t>(length),
             .records_bytes = static_cast<std::uint32_t>(payload.size())});
  return frame;
}

}  // namespace raftmq
