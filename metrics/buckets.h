// The bucket ladders of exported histograms, in exported (base) units.
#pragma once

#include <span>

namespace raftmq {

enum class BucketLadder {
  kLatencySeconds,  // 0.1 ms doubling to 13.1 s: fine enough for a fast disk, long enough for a
                    // bad.
  kBatchSize,       // 1 to 65,536 items, by four.
  kBytes,           // 256 B to 64 MiB, by four.
};

// Upper bounds, rising, without the infinite one. Static storage.
std::span<const double> BucketBounds(BucketLadder ladder);

}  // namespace raftmq
