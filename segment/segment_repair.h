// One segment's share of a repair: finds the place of each frame, then writes what is missing.
//
// Whole entries stay where they are and the lost frames go between them. Where these do not fit,
// the whole ones that were sent as well give way and are written anew, up to one that stands right
// or the end. Nothing is written before all places are known and every chain is closed. Then:
//
//  1. A file that became shorter gets its length again.
//  2. The index file goes, durably.
//  3. The frames are written, whole pages, with what stands beside them read back. Behind the last
//     entry of a sealed segment come zeros to the end of the file.
//  4. Sync.
//  5. Once the segment is whole, its index file is written.
//
// A crash in between leaves damage that was promised: it is repaired again. A file that is gone is
// made anew under a temporary name.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/types/batch_header.h"
#include "segment/log_disk.h"
#include "segment/segment_scan.h"
#include "segment/sparse_index.h"

namespace raftmq {

struct RepairFrame {
  BatchHeader header;
  SharedBytes bytes;  // Padded.
};

// Disk thread, inside a job.
class SegmentRepair {
 public:
  struct Where {
    SegmentName name;
    bool is_there = false;      // Else the file is made anew.
    std::optional<Index> last;  // Of a sealed segment: the one before its successor's first.
    // Of the file that is appended to: where the next frame goes, and the last entry before that.
    struct End {
      std::uint64_t position = 0;
      Index last;
    };
    std::optional<End> open_end;
    std::uint64_t group_seed = 0;
  };
  SegmentRepair(LogDisk& disk, Where where) : disk_(disk), where_(std::move(where)) {}

  // `frames` are consecutive and whole. kDataCorrupt: they do not fit; other errors are the disk's.
  Status Plan(std::span<const RepairFrame> frames);
  // REQUIRES: Plan was Ok. kDiskFull: nothing was written.
  Status Write();

  // What stands there now.
  struct Found {
    SparseIndex index;
    LogTail tail;
    std::uint64_t end = 0;
    bool is_whole = false;
    LogTail whole_to;  // The last entry before the first damage from the repaired ones on.
  };
  // Looks at the whole segment anew, and writes the index file if the segment is sealed and whole.
  Result<Found> Reindex(Index from);

  const Where& where() const { return where_; }
  // Why Plan refused: what is whole behind the frames does not stand where it should. With the
  // entries behind it they may fit.
  bool is_misfit() const { return is_misfit_; }

 private:
  // A whole entry on the disk, within or next to the run.
  struct Anchor {
    BatchHeader header;
    std::uint64_t begin = 0, end = 0;
  };
  // Frames that are written one after the other.
  struct Piece {
    std::uint64_t begin = 0, end = 0;  // Zeros where no frame is.
    std::vector<std::pair<std::uint64_t, SharedBytes>> frames;
    bool is_to_the_end = false;  // It holds the last entry of a sealed segment.
  };

  Status FindAnchors(std::span<const RepairFrame> frames);
  const Anchor* AnchorOf(Index index) const;
  Status PlanBehindLost(std::span<const RepairFrame> frames);
  Status PlanAmong(std::span<const RepairFrame> frames, std::uint64_t at);
  Result<std::size_t> PlanLost(std::span<const RepairFrame> frames, std::uint64_t* at);
  Result<std::optional<Piece>> Fit(std::span<const RepairFrame> frames, std::uint64_t begin);
  Status PlanNew(std::span<const RepairFrame> frames);
  Status Extend(File& file, std::uint64_t needed);
  Status ZeroBehind(File& file, std::uint64_t end);
  Status WritePiece(File& file, const Piece& piece);
  Status MakeAnew();

  LogDisk& disk_;
  const Where where_;
  std::vector<Anchor> anchors_;
  std::uint64_t lost_from_ = 0;  // Where the last whole entry before anchors_ ends.
  std::vector<Piece> pieces_;
  bool is_misfit_ = false;
  std::uint64_t capacity_ = 0;  // As its checkpoint says; 0 if that is not known.
};

}  // namespace raftmq
