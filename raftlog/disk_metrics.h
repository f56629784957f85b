// What one disk thread counts. The disk thread writes, any thread reads.
#pragma once

#include "protocol/types/counter.h"
#include "protocol/types/histogram.h"

namespace raftmq {

struct DiskMetrics {
  Counter rounds;
  Counter background_jobs;
  Counter bytes_written;     // By rounds; background work apart.
  Histogram write_us;        // All writes of a round.
  Histogram sync_us;         // All syncs of a round.
  Histogram round_entries;   // Entries per round.
  Histogram round_jobs;      // Logs per round.
  Counter round_started_us;  // Gauge: steady time at which the running round began; 0 = idle.
};

}  // namespace raftmq
