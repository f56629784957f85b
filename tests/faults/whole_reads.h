// Reads everything that one broker has of a topic, and holds it against what was read before.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "protocol/types/ids.h"
#include "raftmq/client.h"

namespace raftmq::testing {

// Nothing is ever removed from the topic. Used by one thread.
class WholeReads {
 public:
  WholeReads(const Client& client, std::string topic, std::uint32_t partitions);

  struct Outcome {
    // Everything that had been acked was read. Else `error`: what the broker said, or that time was
    // over.
    bool is_whole = false;
    std::string error;
    // Another value than before, a gap, or a log that begins or ends elsewhere: never right.
    std::vector<std::string> wrong;
  };
  // `meanwhile` runs again and again.
  Outcome From(
      NodeId node, std::chrono::milliseconds patience,
      const std::function<void()>& meanwhile = [] {});

 private:
  using Clock = std::chrono::steady_clock;
  struct Bounds {
    Clock::time_point deadline;
    const std::function<void()>& meanwhile;
  };
  void Read(NodeId node, std::uint32_t partition, const Bounds& bounds, Outcome* outcome);
  bool IsAsBefore(std::uint32_t partition, std::uint64_t offset, std::uint64_t hash);

  const Client client_;
  const std::string topic_;
  std::vector<std::vector<std::uint64_t>> hashes_;  // Per partition, of the value at each offset.
};

}  // namespace raftmq::testing
