// From index, offset or time to a place in one segment: one line about every 64 KiB. A pure
// function of the segment's frames, so it may be deleted and is rebuilt identically.
//
// Sealed segments keep theirs in a file: header {magic, version, count, summary}, lines, XXH3-64 of
// it all.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "raftmq/result.h"
#include "segment/checkpoint.h"

namespace raftmq {

// Loop-affine while growing; immutable once its segment is sealed.
class SparseIndex {
 public:
  static constexpr std::uint64_t kSpacingBytes = 64u << 10;
  static constexpr std::int64_t kNoTime = INT64_MIN;  // No frame was before.

  struct Line {
    Index index;    // Of the frame at `position`.
    Offset offset;  // Its base offset.
    std::int64_t max_timestamp_ms =
        0;  // Greatest in the segment before the frame; kNoTime if none.
    std::uint64_t position = 0;
    bool operator==(const Line&) const = default;
  };

  // Takes in the frame at `position`; frames come in order.
  void Add(const BatchHeader& header, std::uint64_t position);
  // Drops the frames from `position` on, the first of which is `index`. The greatest timestamp may
  // stay too high: then a search by time begins earlier than it had to, and the index is no longer
  // what it would be if it was rebuilt.
  void CutFrom(std::uint64_t position, Index index);
  // It is the function of the frames that it has to be in a file.
  bool IsExact() const { return is_exact_; }

  // The last line at or before the entry; the first if there is none, as when the frames at the
  // segment's front are damaged.
  Line BeforeIndex(Index index) const;
  // The last line whose offset is <= `offset`.
  Line BeforeOffset(Offset offset) const;
  // The last line before which every timestamp is below `timestamp_ms`.
  Line BeforeTime(std::int64_t timestamp_ms) const;

  // The term of an entry of this segment; nullopt before the first frame that was whole.
  std::optional<Term> TermAt(Index index) const;
  // Of the first frame that was whole; nullopt if there is none.
  std::optional<Term> first_term() const {
    return runs_.empty() ? std::nullopt : std::optional(runs_.front().term);
  }
  std::int64_t max_timestamp_ms() const { return max_timestamp_ms_; }
  bool IsEmpty() const { return lines_.empty(); }

  // What the end of a sealed segment is, so that a start needs not scan it.
  struct Summary {
    LogTail tail;
    std::uint64_t used_bytes = 0;
    bool operator==(const Summary&) const = default;
  };
  // REQUIRES: IsExact.
  std::vector<std::byte> Encode(const Summary& summary) const;
  // Errors: kDataCorrupt, kUnknownFormat: delete the file and rebuild.
  static Result<SparseIndex> Decode(ByteSpan file, Summary* summary);
  bool operator==(const SparseIndex&) const = default;

 private:
  struct TermRun {
    Index first;
    Term term;
    bool operator==(const TermRun&) const = default;
  };

  std::vector<Line> lines_;
  std::vector<TermRun> runs_;
  std::int64_t max_timestamp_ms_ = kNoTime;
  bool is_exact_ = true;
};

}  // namespace raftmq
