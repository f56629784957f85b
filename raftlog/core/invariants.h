// What must hold of a Raft machine at any time, and from one input to the next. Cheap enough to run
// after every input in every build.
#pragma once

#include "raftlog/core/raft.h"

namespace raftmq {

class RaftInvariants {
 public:
  // Aborts if the machine's state contradicts itself.
  static void Check(const Raft& raft);

  // Lives as long as one input and compares what was before with what is after.
  class Step {
   public:
    explicit Step(const Raft& raft) : raft_(raft), before_(raft.status()) {}
    ~Step();
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    const Raft& raft_;
    const RaftStatus before_;
  };
};

}  // namespace raftmq
