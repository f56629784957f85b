// The message ids that a partition knows (DESIGN.md, "Message ids"): a pure function of the log up
// to its last entry, with the changes above the commit undoable, as the sessions' table.
//
// A table takes about 130 bytes of memory per id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "protocol/types/message_id.h"
#include "raftlog/stored_batch.h"
#include "raftmq/result.h"

namespace raftmq {

// Value type. Changes come in order of index, each of one entry of the log; append times never
// fall.
class MessageIdTable {
 public:
  // Where the newest message with that id is; nullopt if it is not known.
  std::optional<StoredBatch> Find(const MessageId& id) const;

  // The entry is a message with that id: from now on that is the one.
  void Append(const MessageId& id, const StoredBatch& stored);
  // The entry drops all ids that were appended before `before_ms`.
  void Expire(Index index, std::int64_t before_ms);

  // Takes back what the entries above `last_kept` did. REQUIRES: last_kept >= the commit.
  void UndoAfter(Index last_kept);
  // The entries up to `commit` stay.
  void SetCommit(Index commit);

  std::size_t size() const { return ids_.size(); }
  // True if Expire(before_ms) would drop any.
  bool HasOlderThan(std::int64_t before_ms) const {
    return !order_.empty() && order_.front().stored.append_time_ms < before_ms;
  }
  // A time for Expire, up to `before_ms`, that drops the `count` oldest ids and those of the same
  // millisecond, but not many more.
  std::int64_t ExpiryOf(std::size_t count, std::int64_t before_ms) const;

  // The canonical bytes, as they stand in checkpoints (little-endian); none for an empty table:
  //
  //   0  u32 ids, then each, by rising offset:  u64 id's high half, u64 low half, u64 offset, i64
  //   append time
  ByteBuffer Encode() const;
  std::size_t encoded_bytes() const;  // How many bytes Encode returns.
  // A table all of which is committed. Errors: kBadBatch.
  static Result<MessageIdTable> Decode(ByteSpan bytes);

 private:
  struct Entry {
    MessageId id;
    StoredBatch stored;
  };
  // How to take one entry back.
  struct Appended {
    std::optional<StoredBatch> before;  // Of the same id.
  };
  struct Expired {
    std::vector<Entry> dropped;  // Oldest first.
  };
  struct Undo {
    Index index;
    std::variant<Appended, Expired> change;
  };

  void TakeBack(const Appended& appended);
  void TakeBack(const Expired& expired);
  bool IsNewest(const Entry& entry) const;

  std::unordered_map<MessageId, StoredBatch> ids_;
  std::deque<Entry> order_;  // By rising offset; an id that came again stands there twice.
  std::deque<Undo> undo_;    // Of the entries above the commit, in order of index.
};

}  // namespace raftmq
