// How fast a leader feeds a follower from its files: as fast as that one syncs while nobody else is
// served, else so slowly that those hardly notice (DESIGN.md, "Followers far behind").
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "protocol/types/clock.h"
#include "protocol/types/ids.h"

namespace raftmq {

// Whether the groups of a shard serve anybody: entries join their logs. Shard-affine.
class LiveTraffic {
 public:
  // Who sends less often has a time to its acks, too: catching up may go fast only between pauses
  // that are longer.
  static constexpr Microseconds kPause = std::chrono::seconds(1);

  void Note(Microseconds now) { seen_ = now; }
  bool GoesOn(Microseconds now) const { return seen_ && now - *seen_ < kPause; }

 private:
  std::optional<Microseconds> seen_;
};

// Of one follower in one leadership. Value type.
class CatchUpPace {
 public:
  // Of one read, and so of one append.
  static constexpr std::size_t kReadBytes = 1u << 20;
  // The same while others are served: what their entries have to wait for, at the loops and disks
  // on the way.
  static constexpr std::size_t kHeldBackReadBytes = 256u << 10;
  // Reads sent that the follower has not synced: the memory that it needs for them is bounded.
  static constexpr std::size_t kUnsyncedReadsMax = 16;
  static constexpr std::size_t kHeldBackUnsyncedReadsMax = 1;
  // A follower without a file for what comes next refuses it, and says so for each append that
  // follows one it could not take. It is asked this often, in case that file is nearly ready; then
  // one append goes with each heartbeat, as long as its disk may be full.
  static constexpr int kResendsMax = 16;
  // After each such time it is judged whether a follower comes nearer.
  static constexpr Microseconds kPeriod = std::chrono::seconds(1);
  // Bytes that it has to get in a period per byte that joins the log. Else it is not held back in
  // the next one, or producers who never pause could keep it behind for ever.
  static constexpr std::uint64_t kBytesPerNewByte = 2;

  struct Moment {
    Microseconds now{0};
    bool is_live = false;              // LiveTraffic goes on.
    std::uint64_t appended_bytes = 0;  // To this log, since any one time.
  };
  // Bytes that may be read now for a follower that lacks what begins with `first` and has synced
  // all up to `synced`; 0: it has enough under way.
  std::size_t BytesToRead(Index first, Index synced, const Moment& moment);
  // That [first, last] was sent.
  void Sent(Index first, Index last, std::size_t bytes);

 private:
  void Judge(const Moment& moment);
  void SendAgain(Index first);

  std::deque<Index> unsynced_;         // `last` of each read that was sent.
  Index sent_;                         // Greatest one sent so far.
  Index resent_from_;                  // Where what was sent last had to be sent again,
  int resends_ = 0;                    // and how often.
  std::optional<Microseconds> since_;  // The period's begin.
  std::uint64_t appended_before_ = 0;  // Moment::appended_bytes then.
  std::uint64_t fed_bytes_ = 0;        // In the period, each entry once.
  bool yields_ = false;                // The last period was not enough.
};

}  // namespace raftmq
