// What a leader knows of one other replica's log (Raft paper, figure 2: nextIndex, matchIndex).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "protocol/types/ids.h"
#include "protocol/types/membership.h"

namespace raftmq {

// Value type. Invariants: durable <= matched < next, durable <= synced.
struct Progress {
  Replica replica;
  Index matched;  // Agrees with the leader's log up to here, until a restart loses what is not
                  // synced.
  Index durable;  // Holds it synced up to here: this counts for commit.
  Index synced;   // The same, readable or not: what was sent beyond is under way.
  Index next = Index(1);

  // Probing: one message at a time until it agrees on a place. Else pipelined: many under way.
  bool is_probing = true;
  bool is_waiting = false;      // A probe is under way; the next heartbeat sends another.
  std::deque<Index> in_flight;  // `last` of each append under way with entries, when pipelined.

  bool is_empty_due = true;      // A message is owed even if there is no entry to send.
  Index commit_sent;             // The newest commit that a message has let it know.
  std::uint64_t round_seen = 0;  // Last leadership check that it has answered.
  bool was_heard = false;        // Since the last look of CheckQuorum.
  bool is_quiet = false;         // It gets no heartbeats: its shard vouches for it.
  bool may_go_quiet = false;     // The message that is due may say so.
  bool is_silent = false;        // Nobody vouched for it, and it has not been heard since.
  bool is_lost = false;          // A look of CheckQuorum found it silent, and it still is.

  void Probe(Index from) {
    next = std::max(from, durable.Next());
    matched = std::min(matched, next.Minus(1));
    is_probing = true;
    is_waiting = false;
    in_flight.clear();
  }
  // It lacks again what it had above `upto`, so it counts no more for that.
  void Lose(Index upto) {
    durable = std::min(durable, upto);
    synced = std::min(synced, upto);
  }
  void Agree(Index upto) {
    matched = std::max(matched, upto);
    next = std::max(next, matched.Next());
    while (!in_flight.empty() && in_flight.front() <= matched) in_flight.pop_front();
    if (!is_probing) return;
    is_probing = false;
    is_waiting = false;
    next = matched.Next();
  }
};

}  // namespace raftmq
