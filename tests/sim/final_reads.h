// At the end: every replica of the majority is read from its first record to its last, and has what
// was ever committed, and so what was ever acked (I-15, I-26).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "raftlog/group.h"
#include "tests/sim/cluster.h"

namespace raftmq::sim {

class FinalReads {
 public:
  FinalReads(Cluster& cluster, const std::vector<NodeId>& core);
  bool AreDone() const { return *left_ == 0; }

 private:
  void ReadFromStart(NodeId id, std::uint32_t partition);
  void ReadOn(NodeId node, std::uint32_t partition, Offset next);

  Cluster& cluster_;
  std::vector<Offset> ends_;  // Of the partitions, when the reads began.
  std::shared_ptr<std::size_t> left_ = std::make_shared<std::size_t>(0);
};

}  // namespace raftmq::sim
