// The checkpoint that opens every segment: everything a reader needs from before it, so that a log
// may begin at any segment and needs no snapshots (DESIGN.md section 4).
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "protocol/types/membership.h"
#include "raftmq/result.h"

namespace raftmq {

// Position and identity of the last entry before a place in the log.
struct LogTail {
  Index index;  // 0 = the log was empty.
  Term term;
  Offset next_offset;       // Offset that the next record gets.
  std::uint64_t chain = 0;  // Header hash of the entry; of the group id for an empty log.
  std::int64_t append_time_ms = 0;
  bool operator==(const LogTail&) const = default;
};

// Where a log begins that a leader has reset, because all before was deleted there: what the
// checkpoint that opens the log says of the place before it, known before that has arrived.
struct LogBase {
  LogTail before;
  Index checkpoint_last;  // Last part of the checkpoint. Everything up to it is committed.
  Membership membership;  // Counts behind `before`.
  bool operator==(const LogBase&) const = default;
};

// A pure function of the log before it, in one canonical byte form.
struct Checkpoint {
  GroupId group;
  std::uint64_t group_seed = 0;
  Membership membership;
  LogTail before;  // The entry before the checkpoint's first part.
  Offset log_start;
  std::uint64_t segment_bytes = 0;  // Every replica allocates just that for this segment.
  ByteBuffer sessions;              // Canonical bytes of raftlog/session_table.h; may be empty.
  ByteBuffer state_machine;         // Internal topics: the whole state; else empty.
  ByteBuffer message_ids;           // As sessions, of raftlog/message_id_table.h.
};

inline constexpr std::size_t kCheckpointPartBytesMax = 1u << 20;

// The payloads of the run of kCheckpoint entries, part i of k.
std::vector<ByteBuffer> EncodeCheckpoint(const Checkpoint& checkpoint,
                                         std::size_t part_bytes_max = kCheckpointPartBytesMax);

// One part's own header, without the others.
struct CheckpointPart {
  std::uint16_t version = 1;  // 2 if the whole has message ids.
  std::uint32_t part = 0;
  std::uint32_t parts = 1;
  std::uint64_t whole_hash = 0;
};
Result<CheckpointPart> ParseCheckpointPart(ByteSpan payload);
// The checkpoint that begins with this part, without its tables. Errors: kBadBatch,
// kUnknownFormat.
Result<Checkpoint> CheckpointHeadOf(ByteSpan first_part);
// Joins the payloads of a whole run. Errors: kBadBatch, kUnknownFormat.
Result<Checkpoint> DecodeCheckpoint(const std::vector<ByteSpan>& payloads);

}  // namespace raftmq
