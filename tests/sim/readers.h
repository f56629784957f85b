// Clients that read: from any replica, carrying the highest end that they have seen, and now and
// then a linearizable read.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/sim/cluster.h"

namespace raftmq::sim {

class SimReader {
 public:
  SimReader(Cluster& cluster, std::uint32_t number);
  void Start() { ThinkThenRead(); }

 private:
  struct Position {
    Offset next;
    Offset end_seen;
  };

  void ThinkThenRead();
  void Read();
  void Fetch(NodeId node, std::uint32_t partition);
  // `log_start`: as the answering replica knows it.
  void OnSlice(std::uint32_t partition, Offset from, Offset log_start,
               const Result<FetchSlice>& slice);
  void MoveTo(std::uint32_t partition, Offset to);
  void OnError(std::uint32_t partition, const Error& error, Offset log_start);
  void CheckValues(PartitionTruth& truth, const SharedBytes& batch, Offset* next);
  void ReadIndex(NodeId node, std::uint32_t partition);
  void Waiting(std::uint64_t question);

  checker::Poll NewPoll(NodeId node, std::uint32_t partition) const;

  Cluster& cluster_;
  const checker::ConsumerNumber number_;
  std::vector<Position> positions_;  // By partition.
  std::uint64_t questions_ = 0;      // The newest is waited for.
};

}  // namespace raftmq::sim
