// The fixed header in front of every batch and control entry: the same 120 bytes on the wire, in
// the log and in a fetch reply. FORMAT.md draws them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "raftmq/result.h"

namespace raftmq {

inline constexpr std::size_t kBatchHeaderBytes = 120;
inline constexpr std::size_t kBatchAlignment =
    8;  // Frames start at multiples of 8 bytes, zero padded.
inline constexpr std::uint32_t kBatchMagic = 0x51544D52;  // "RMTQ" as bytes.
inline constexpr std::size_t kBatchMagicAt = 64;          // Its place in the frame.
inline constexpr std::uint8_t kBatchVersion = 1;
// Places in the frame, in all versions: by these a newer one is told from damage.
inline constexpr std::size_t kBatchPayloadHashAt = 56;
inline constexpr std::size_t kBatchVersionAt = 68;
inline constexpr std::size_t kBatchLengthAt = 72;
inline constexpr std::uint32_t kBatchBytesMax = 64u
                                                << 20;  // Hard bound of one frame, header included.

// Only kData carries records and takes offsets; all others are control entries with zero records.
enum class EntryKind : std::uint8_t {
  kData = 0,
  kNoOp = 1,           // A leader's first entry of its term.
  kConfiguration = 2,  // Raft membership.
  kCheckpoint = 3,     // Part of the run that opens a segment.
  kLogStart = 4,       // Moves the log start; payload: the new offset, 8 bytes.
  kSession = 5,        // Producers' sessions and message ids: opening, expiry.
  kGroup = 6,          // Consumer group state.
  kCommand = 7,        // A command of an internal state machine (the cluster's catalogue).
};
inline constexpr std::uint8_t kEntryKindMax = 7;

// Bits 0-2 of the attributes, numbered as in Kafka. 1 (gzip) and 2 (snappy) are refused.
enum class Codec : std::uint8_t { kNone = 0, kLz4 = 3, kZstd = 4 };

// What the producer fixes. Covered by payload_hash, together with the records section.
struct ProducerBlock {
  EntryKind kind = EntryKind::kData;
  Codec codec = Codec::kNone;
  bool has_message_id = false;      // Its only record does: message_id.h.
  std::uint32_t length = 0;         // Whole frame without padding: header + records section.
  std::uint32_t records_bytes = 0;  // Records section after decompression.
  std::uint32_t record_count = 0;
  std::int64_t base_timestamp_ms = 0;
  std::int64_t max_timestamp_ms = 0;
  SessionId session;  // 0 = none.
  std::uint32_t session_epoch = 0;
  std::uint32_t base_sequence = 0;

  bool operator==(const ProducerBlock&) const = default;
};

// What the leader stamps. Covered by header_hash, together with payload_hash.
struct LeaderBlock {
  Index index;
  Term term;
  Offset base_offset;  // Offset of the first record; for control entries the next offset.
  std::int64_t append_time_ms = 0;  // max(previous, now): never goes back.
  Index committed_up_to;            // The leader's commit index when it stamped the frame.
  std::uint64_t chain = 0;          // Header hash of the entry before.

  bool operator==(const LeaderBlock&) const = default;
};

struct BatchHeader {
  std::uint64_t header_hash = 0;
  LeaderBlock leader;
  std::uint64_t payload_hash = 0;
  ProducerBlock producer;

  std::size_t padded_length() const { return AlignUp(producer.length, kBatchAlignment); }
  // The offset after the last record.
  Offset end_offset() const { return leader.base_offset.Plus(producer.record_count); }
  bool operator==(const BatchHeader&) const = default;
};

// Reads a header and checks what can be checked without hashes: magic, version, kind, codec,
// reserved bits, length in [120, kBatchBytesMax], records only in data entries, a message id only
// beside one that is not compressed, max >= base timestamp. Errors: kBadBatch; kUnknownFormat for a
// version that is not 1.
Result<BatchHeader> ParseBatchHeader(ByteSpan bytes);

// Writes the producer's block and a zero leader's block, then hashes the frame once.
// REQUIRES: frame.size() == block.length and the records section already stands at [120, length).
void SealBatch(MutableByteSpan frame, const ProducerBlock& block);

// Writes the leader's block in place and returns the header hash, the next entry's chain.
// REQUIRES: frame holds a sealed batch.
std::uint64_t StampBatch(MutableByteSpan frame, const LeaderBlock& block, std::uint64_t group_seed);

// True if the payload hash holds. REQUIRES: frame.size() >= header.producer.length.
bool PayloadHashHolds(ByteSpan frame, const BatchHeader& header);
// True if the header hash holds under the group's seed. REQUIRES: frame.size() >=
// kBatchHeaderBytes.
bool HeaderHashHolds(ByteSpan frame, std::uint64_t group_seed);

// A sealed control entry with `payload` as its section; padded_length() bytes, padding zeroed.
ByteBuffer MakeControlEntry(EntryKind kind, ByteSpan payload);

}  // namespace raftmq
