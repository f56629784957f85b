// The session of a producer in one partition: what a refusal means for a batch and for those behind
// it, so that each message is stored once and in order, or ends with an error that says the truth.
//
// The leader takes only the batch with the next sequence. So a batch that ends without having been
// stored leaves a hole: nothing behind it can ever be stored, not even a copy that is still under
// way somewhere. There are two ways on, once nothing is in flight and all before the hole is
// settled ("mending"):
//
//   - those behind the hole take its place: they get new positions in the same session. Only if no
//     copy of them can be under way: it could come when its old sequence is just the next one;
//   - another session takes over.
//
// A named session goes neither way. By its sequence its next producer learns how many messages are
// stored, which is of use only if none is missing among them: behind a hole it ends, for this
// producer. Only if it was forgotten, with nothing lost or under way, it is opened again.
//
// A batch that ended and may have been stored leaves things open: those behind it are sent as they
// are, and the leader's answer tells. If it refuses, the batch is not there, and another session
// takes over.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "producer/accumulator.h"
#include "producer/session_position.h"
#include "raftmq/error.h"

namespace raftmq::internal {

// Pure: knows no clock and no connection. Not thread-safe.
class PartitionSession {
 public:
  enum class Kind {
    kNone,       // Batches are not numbered.
    kAnonymous,  // Begins with the first batch; another one may take its place.
    kNamed,      // Has to be opened in the partition.
  };
  explicit PartitionSession(Kind kind)
      : kind_(kind), need_(kind == Kind::kNamed ? Need::kOpen : Need::kNothing) {}

  // What has to come before anything may be sent; Restart() ends it.
  enum class Need { kNothing, kOpen, kAnother };
  Need need() const { return need_; }
  // Positions will change from some batch on.
  bool IsMending() const { return mend_.has_value(); }
  bool MaySend(const OutgoingBatch& batch) const {
    return need_ == Need::kNothing && !IsBehindHole(batch);
  }

  // What becomes of a batch whose attempt has failed.
  enum class Fate {
    kAgain,   // Sent again, in order.
    kStored,  // It is stored; where, is not known any more.
    kEnds,    // With this error, or as unknown if an attempt may have been stored.
    kFenced,  // It ends, and the producer with it: another has taken over its name.
  };
  // A broker that no longer leads, or has not heard of the partition yet, is worth another try with
  // fresh metadata; what is final stays final.
  static bool IsWorthRetry(const Error& error);
  // `has_earlier`: batches before it are in flight or wait to be sent again.
  Fate Judge(const OutgoingBatch& batch, const Error& error, bool has_earlier);
  // The batch has ended without success, whatever the reason.
  void NoteFailed(const OutgoingBatch& batch);

  // True if the hole may be mended: of `waiting`, all batches there are in order, the first is
  // behind it. REQUIRES: none are in flight.
  bool CanMend(const std::deque<OutgoingBatch>& waiting) const;
  // Mends it. The result: where all of `waiting`, and what comes after them, now begins. Nothing:
  // see need() and is_over(). REQUIRES: CanMend(waiting).
  std::optional<SessionPosition> Mend(const std::deque<OutgoingBatch>& waiting);
  // A named session behind a hole: only the next producer of that name goes on.
  bool is_over() const { return is_over_; }

  // The session that was needed is there. All that waits is renumbered; none of it is stored.
  void Restart();

 private:
  struct Hole {
    std::uint64_t number = 0;   // Of the first batch whose position changes, or the one before it.
    SessionPosition position;   // Which the next batch would take.
    bool is_elsewhere = false;  // The session does not go on here.
  };

  bool IsBehindHole(const OutgoingBatch& batch) const {
    return mend_ && batch.number >= mend_->number;
  }
  void NoteHole(const OutgoingBatch& batch, bool is_elsewhere);

  const Kind kind_;
  Need need_;
  std::optional<Hole> mend_;  // The first one; mending it mends those behind it.
  bool has_unknown_ = false;  // A batch of this session ended and may have been stored.
  bool is_over_ = false;
};

// The same records at another position; hashed anew. REQUIRES: `frame` is a sealed data batch.
SharedBytes SealAnew(const SharedBytes& frame, const SessionPosition& position);

}  // namespace raftmq::internal
