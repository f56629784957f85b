// A PartitionLog in memory, for the tests of the group: it keeps apart what is synced, counts
// capacity like the real one, and can be told to be full, cold or damaged.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "protocol/types/batch_header.h"
#include "raftlog/opened_log.h"
#include "segment/partition_log.h"

namespace raftmq {

// What is left when the process is gone.
struct FakeDisk {
  struct Entry {
    SharedBytes frame;
    BatchHeader header;
  };
  std::vector<Entry> entries;  // entries[i] has index first + i.
  Index first{1};
  HardState hard_state;
  std::uint64_t group_seed = 7;
  Membership membership{{.node = NodeId(1), .number = ReplicaNumber(1)}};
  std::uint64_t segment_bytes = 4096;  // Capacity of every segment.
  std::uint64_t reserve_bytes = 1024;
  bool is_full = false;      // No next segment can be prepared.
  bool is_cold = false;      // Reads have to go through the work queue.
  bool is_prepared = true;   // The next segment's file is ready.
  std::uint64_t closed = 0;  // Clean stops.
  std::vector<DamagedRange> damage;

  // Founds the log: entry 1 is a checkpoint.
  void Found(ByteBuffer state_machine = {});
};

// The log on `disk` as recovery finds it. The disk outlives it.
std::unique_ptr<OpenedLog> OpenFake(FakeDisk& disk);

}  // namespace raftmq
