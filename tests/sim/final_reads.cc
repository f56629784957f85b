#include "tests/sim/final_reads.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/node.h"

namespace raftmq::sim {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;

}  // namespace

FinalReads::FinalReads(Cluster& cluster, const std::vector<NodeId>& core) : cluster_(cluster) {
  cluster.history.Close();
  for (const auto& truth : cluster.partitions) ends_.push_back(truth->end());
  for (std::uint32_t i = 0; i < cluster.partitions.size(); ++i) {
    for (const Replica& replica : cluster.partitions[i]->membership()) {
      if (std::ranges::count(core, replica.node) == 0) continue;
      if (!cluster.partitions[i]->IsThere(replica)) continue;
      Process* const process = cluster.node(replica.node).process();
      if (process == nullptr || process->Find(i) == nullptr) continue;
      ++*left_;
      ReadFromStart(replica.node, i);
    }
  }
}

void FinalReads::ReadFromStart(NodeId id, std::uint32_t partition) {
  const Offset log_start = cluster_.node(id).process()->Find(partition)->status().log_start;
  cluster_.history.ReadInTheEnd(id, partition, log_start, {.log_start = log_start},
                                ends_[partition]);
  ReadOn(id, partition, log_start);
}

void FinalReads::ReadOn(NodeId id, std::uint32_t partition, Offset next) {
  PartitionTruth& truth = *cluster_.partitions[partition];
  if (next == truth.end()) {
    --*left_;
    return;
  }
  Node& node = cluster_.node(id);
  cluster_.timeline.After(kMillisecond, [this, &node, &truth, partition, next] {
    node.Do([this, &node, &truth, partition, next] {
      const auto on_slice = [this, &node, &truth, partition,
                             next](const Result<FetchSlice>& slice) {
        if (slice && slice->next_offset > next) {
          for (const SharedBytes& batch : slice->batches)
            truth.Served(*ParseBatchHeader(batch.view()));
          cluster_.history.ReadInTheEnd(node.id(), partition, next, *slice, ends_[partition]);
          return ReadOn(node.id(), partition, slice->next_offset);
        }
        // A batch that was under way all the time may be committed only now; reads may queue up.
        if (!slice && slice.error().retriable()) return ReadOn(node.id(), partition, next);
        // Retention goes on meanwhile: what lies before the start is nobody's due.
        const bool is_below = !slice && slice.error().code == ErrorCode::kOffsetBelowStart;
        if (is_below && next < truth.log_start()) return ReadFromStart(node.id(), partition);
        truth.Broken("I-15", {},
                     fmt::format("node {} does not serve offset {} of {}: {}", node.id().value(),
                                 next.value(), truth.end().value(),
                                 slice ? "nothing" : slice.error().ToString()));
      };
      node.process()->Fetch(partition, {next, truth.end(), kReadBytes}, on_slice);
    });
  });
}

}  // namespace raftmq::sim
