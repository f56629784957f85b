// What the replicas of an internal partition apply its commands to: which one was the last, a hash
// of all of them, and some of the last ones as they came, so that its size varies.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"

namespace raftmq::sim {

class StateMachine {
 public:
  // From one state to the next, for the oracles.
  struct Step {
    Index before;            // Last command of the state before; 0: none, or this was restored.
    Index index;             // The command; of a restored state its last one.
    std::uint64_t hash = 0;  // Of the state after it.
    bool is_restored = false;
  };

  void Apply(Index index, ByteSpan payload);
  void Restore(ByteSpan state);
  // The canonical bytes.
  ByteBuffer Capture() const;
  // Since the last call.
  std::vector<Step> TakeSteps() { return std::exchange(steps_, {}); }

 private:
  Index last_;
  std::uint64_t hash_ = 0;
  std::deque<std::vector<std::byte>> newest_;
  std::vector<Step> steps_;
};

}  // namespace raftmq::sim
