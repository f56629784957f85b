// A group's proposals on their way to commit: first held back (while the log rolls), then in the
// log. Nothing here knows the log.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <variant>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "protocol/types/clock.h"
#include "protocol/types/ids.h"
#include "protocol/types/message_id.h"
#include "raftlog/group.h"
#include "raftlog/session_entry.h"
#include "raftlog/session_table.h"
#include "raftmq/result.h"

namespace raftmq {

// One entry that wants to get into the log.
struct Proposal {
  EntryKind kind = EntryKind::kData;
  ByteBuffer buffer;
  std::size_t frame_at = 0;
  std::size_t frame_bytes = 0;  // Padded.
  // What has to be judged before it may be appended, if anything.
  std::variant<std::monostate, SessionBatch, SessionOpening> session;
  std::optional<MessageId> message_id;
  ProposeOptions options;
  Group::ProposeDone done;  // May be empty.
  Microseconds proposed_at{0};
};

// Shard-affine.
class Proposals {
 public:
  // Held back, in order of arrival.
  void Hold(Proposal proposal) {
    held_bytes_ += proposal.frame_bytes;
    held_.push_back(std::move(proposal));
  }
  bool has_held() const { return !held_.empty(); }
  // Again in front of all others.
  void PutBack(Proposal proposal) {
    held_bytes_ += proposal.frame_bytes;
    held_.push_front(std::move(proposal));
  }
  Proposal TakeHeld() {
    Proposal proposal = std::move(held_.front());
    held_.pop_front();
    held_bytes_ -= proposal.frame_bytes;
    return proposal;
  }
  std::size_t held_bytes() const { return held_bytes_; }

  // In the log, waiting for commit, in order of index.
  struct Waiting {
    Proposed proposed;
    Group::ProposeDone done;
    Microseconds proposed_at{0};
  };
  void Wait(Waiting waiting) { waiting_.push_back(std::move(waiting)); }
  // Waits for an entry that is in the log already, after those who wait for it or for earlier ones.
  void Join(Waiting waiting) {
    const auto place =
        std::ranges::upper_bound(waiting_, waiting.proposed.index, {},
                                 [](const Waiting& other) { return other.proposed.index; });
    waiting_.insert(place, std::move(waiting));
  }
  bool HasCommitted(Index commit) const {
    return !waiting_.empty() && waiting_.front().proposed.index <= commit;
  }
  Waiting TakeCommitted() {
    Waiting waiting = std::move(waiting_.front());
    waiting_.pop_front();
    return waiting;
  }
  std::size_t size() const { return held_.size() + waiting_.size(); }
  bool has_waiting() const { return !waiting_.empty(); }
  Microseconds oldest_waiting() const { return waiting_.front().proposed_at; }
  // Answers those above `last_kept` with `error`, newest first.
  void LoseAbove(Index last_kept, const Error& error) {
    while (!waiting_.empty() && waiting_.back().proposed.index > last_kept) {
      const Waiting lost = std::move(waiting_.back());
      waiting_.pop_back();
      lost.done(Fail(error));
    }
  }

 private:
  std::deque<Proposal> held_;
  std::size_t held_bytes_ = 0;
  std::deque<Waiting> waiting_;
};

}  // namespace raftmq
