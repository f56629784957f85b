// Waits until a broker whose files were damaged is whole again.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "raftmq/client.h"
#include "tests/broker/cluster_process.h"
#include "tests/faults/corruption_table.h"
#include "tests/faults/whole_reads.h"

namespace raftmq::testing {

// Used by one thread. What cannot be had in time ends the test by an exception.
class Healing {
 public:
  // All outlive it.
  Healing(ClusterProcess& processes, Client& client, WholeReads& reads)
      : processes_(processes), client_(client), reads_(reads) {}

  enum class Meets { kScrub, kRead };
  struct Outcome {
    Fate fate;
    std::string still;               // If it is not healed: what the broker says of it.
    std::string last_scrub;          // What it came to.
    std::vector<std::string> wrong;  // That it has served meanwhile.
    int ended = 0;                   // How often it has ended by itself, and was started again.
  };
  // It is whole once a scrub finds nothing and everything can be read from it. `since`: when the
  // damage was met, or is by this call.
  Outcome Await(NodeId node, Meets by, std::chrono::steady_clock::time_point since);

 private:
  bool ReadAll(NodeId node);
  bool IsCleanScrub(NodeId node);
  static void NoteSlow(const char* step, std::chrono::steady_clock::time_point began,
                       const std::string& outcome);
  NodeScrub StatusOf(NodeId node);
  void RestartIfEnded();

  ClusterProcess& processes_;
  Client& client_;
  WholeReads& reads_;
  Outcome outcome_;  // Of the call under way.
};

}  // namespace raftmq::testing
