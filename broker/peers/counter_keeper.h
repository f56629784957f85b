// Raises this node's save counter and keeps what others have shown of theirs
// (segment/save_counter.h): once when another node first accepts this one, before anything is
// promised to anybody, then every two seconds in which something was promised.
//
// So a copy of the directory is known to be old as soon as its node has gone on for two seconds
// more, or was started again, and has promised something meanwhile. A copy that is younger than
// that when its node ends is not told from the directory itself. Others keep what they have seen
// for as long: after a stop of all nodes it may be two seconds older than what they were told.
#pragma once

#include "broker/anchor.h"
#include "broker/peers/peer_book.h"
#include "protocol/types/clock.h"
#include "raftlog/work_queues.h"
#include "segment/save_counter.h"

namespace raftmq::broker {

// Affine to one shard's loop. All outlive it.
class CounterKeeper {
 public:
  CounterKeeper(PeerBook& book, SaveCounter& counter, WorkQueue& work, const Clock& clock)
      : book_(book), counter_(counter), work_(work), clock_(clock) {}
  void Tick();

 private:
  void Save(const SaveCounter::Content& next);

  static constexpr Microseconds kInterval{2'000'000};

  PeerBook& book_;
  SaveCounter& counter_;
  WorkQueue& work_;
  const Clock& clock_;
  Microseconds looked_{0};
  bool is_saving_ = false;
  Anchor<CounterKeeper> anchor_{this};
};

}  // namespace raftmq::broker
