// A history that several threads of a test record, with the time of the real clock.
#pragma once

#include <functional>
#include <mutex>

#include "tests/checker/history.h"

namespace raftmq::checker {

// Thread-safe. An operation that nobody ends stays unknown, as a lost answer should.
class HistoryRecorder {
 public:
  // A number that nobody else has, for a client, and for its producer or consumer.
  ClientNumber NewClient();
  // Before the operation begins.
  OpNumber Begin(ClientNumber client, Action action);
  // After it has ended: `complete`, if there is one, puts in what the answer told.
  void End(OpNumber number, Outcome outcome, const std::function<void(Action&)>& complete = {});
  void Note(ClientNumber client, Action action);

  History Take();  // All of it; the recorder is empty then. REQUIRES: nothing is under way.

 private:
  const RealClock clock_;
  std::mutex mutex_;
  History history_;
  std::uint32_t clients_ = 0;
};

}  // namespace raftmq::checker
