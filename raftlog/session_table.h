// What a partition's log says about producers' sessions (DESIGN.md, "Sessions: exactly once into
// the log"): a pure function of the log up to its last entry, with the changes above the commit
// undoable.
//
// Sequences count records modulo 2^32 and are compared by signed difference. The batches that a
// session is remembered by follow one another in sequence and end at its next sequence:
//
//   batches       | count 3 | count 1 | count 4 |
//   sequences    10        13        14        18 = next
//
// A table takes about 240 bytes of memory per session.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "raftlog/stored_batch.h"
#include "raftmq/result.h"

namespace raftmq {

// What a data batch's header says of its session.
struct SessionBatch {
  SessionId session;  // Not 0.
  std::uint32_t epoch = 0;
  std::uint32_t base_sequence = 0;
  std::uint32_t record_count = 0;
};

inline SessionBatch SessionBatchOf(const ProducerBlock& producer) {
  return {producer.session, producer.session_epoch, producer.base_sequence, producer.record_count};
}

enum class SessionVerdict : std::uint8_t {
  kContinues,  // The session's next batch.
  kBegins,     // The first of a new session, for which the caller has to have room.
  kDuplicate,  // In the log already, exactly so.
  kFenced,     // A higher epoch is known.
  kGap,        // Beyond the next sequence, or before the first one.
  kOverlap,    // Repeats a part of what is in the log.
  kForgotten,  // Lies before the remembered batches: in the log, but where is not known any more.
  kUnknown,    // Not its first batch, or of a session that may have been dropped.
};

struct SessionJudgement {
  SessionVerdict verdict = SessionVerdict::kContinues;
  // Of a duplicate: where the batch is in the log. Of a forgotten one: the first that is not, which
  // came after it.
  StoredBatch stored;
};

// Value type. Changes come in order of index, each of one entry of the log.
class SessionTable {
 public:
  static constexpr std::size_t kBatchesKept = 5;  // Per session.

  // Whether the batch may be appended behind all entries so far. What it says of a known session
  // holds for batches up to 2^31 records away from the next sequence.
  SessionJudgement Judge(const SessionBatch& batch) const;
  // The same for opening a session: kBegins, kContinues (in a higher epoch), kDuplicate (it is open
  // in this epoch) or kFenced.
  SessionVerdict JudgeOpening(SessionId session, std::uint32_t epoch) const;

  // The entry `stored.index`, appended at `heard_ms`, is a data batch of a session, or says where
  // the log has one. The log is the truth: what does not follow (that no leader appends) replaces
  // what was remembered of the session.
  void Append(const SessionBatch& batch, const StoredBatch& stored, std::int64_t heard_ms);
  // The entry opens a session, or raises its epoch.
  void Open(Index index, SessionId session, std::uint32_t epoch, std::int64_t append_time_ms);
  // The entry drops all sessions last heard of before `before_ms` and raises the floor to the
  // highest id among them.
  void Expire(Index index, std::int64_t before_ms);

  // Takes back what the entries above `last_kept` did. REQUIRES: last_kept >= the commit.
  void UndoAfter(Index last_kept);
  // The entries up to `commit` stay.
  void SetCommit(Index commit);

  std::size_t size() const { return sessions_.size(); }
  // No unknown session with an id up to it begins with a batch any more: it may have been dropped.
  SessionId floor() const { return floor_; }
  // Of the next record; nullopt for an unknown session.
  std::optional<std::uint32_t> NextSequence(SessionId session) const;
  // True if Expire(before_ms) would drop any. Looks at all sessions only when the oldest one may
  // have become so old.
  bool HasOlderThan(std::int64_t before_ms) const;
  // A time for Expire that drops the `count` oldest sessions and those of the same millisecond, but
  // none last heard of at or after `keep_from_ms`; nullopt if that leaves none to drop.
  std::optional<std::int64_t> FindExpiry(std::size_t count, std::int64_t keep_from_ms) const;

  // The canonical bytes, as they stand in checkpoints (little-endian); none for a table without
  // sessions whose floor is 0:
  //
  //   0  u64 floor   8  u32 sessions, then each, by rising id:
  //      u64 id, u32 epoch, u32 next sequence, i64 heard_ms, u8 batches, then each, oldest first:
  //         u64 base offset, i64 append time, u32 records
  ByteBuffer Encode() const;
  // How many bytes Encode returns: exactly, by looking at all sessions, or at most.
  std::size_t encoded_bytes() const;
  std::size_t encoded_bytes_max() const;
  // A table all of which is committed. Errors: kBadBatch.
  static Result<SessionTable> Decode(ByteSpan bytes);

 private:
  struct Batch {
    StoredBatch stored;
    std::uint32_t record_count = 0;
  };
  struct Session {
    std::uint32_t epoch = 0;
    std::uint32_t next_sequence = 0;
    std::int64_t heard_ms = 0;  // Append time of the last entry that names it.
    std::uint32_t batch_count = 0;
    std::array<Batch, kBatchesKept> batches{};  // Oldest first.

    // Returns the batch that had to make place.
    std::optional<Batch> Push(const Batch& batch);
    void TakeBackPush(const std::optional<Batch>& evicted);
  };

  // How to take one entry back.
  struct Begun {
    SessionId session;
  };
  struct Extended {
    SessionId session;
    std::uint32_t epoch = 0;  // These as they were before.
    std::int64_t heard_ms = 0;
    std::optional<Batch> evicted;
  };
  struct Replaced {
    SessionId floor;                                    // As it was before,
    std::vector<std::pair<SessionId, Session>> before;  // and these, too.
  };
  struct Undo {
    Index index;
    std::variant<Begun, Extended, Replaced> change;
  };

  static SessionJudgement JudgeKnown(const Session& session, const SessionBatch& batch);
  void Replace(Index index, SessionId session, Session now);
  void TakeBack(const Begun& begun);
  void TakeBack(const Extended& extended);
  void TakeBack(const Replaced& replaced);
  void Put(SessionId session, const Session& now);
  void NoteOldest(std::int64_t heard_ms) const;

  std::unordered_map<SessionId, Session> sessions_;
  SessionId floor_;
  std::deque<Undo> undo_;  // Of the entries above the commit, in order of index.
  // No session was last heard of before: what spares most searches for the oldest one. Searches
  // make it exact.
  mutable std::int64_t oldest_ms_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace raftmq
