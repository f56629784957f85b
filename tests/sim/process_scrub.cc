// A process looks through its logs, a segment at a time, as a broker's scrubber does.
#include <utility>

#include "tests/sim/process.h"

namespace raftmq::sim {
namespace {

constexpr std::size_t kStepBytes = 32u << 10;
constexpr Time kCalmEvery = 10 * kMillisecond;

}  // namespace

void Process::ScrubNow() {
  const Time every = cluster_.is_calm ? kCalmEvery : cluster_.scenario.faults.scrub_every;
  if (every == 0 || is_scrubbing_ || is_draining_ || cluster_.timeline.now() < scrubs_at_) return;
  if (cluster_.is_calm && cluster_.scenario.faults.damage_every == 0) return;
  scrubs_at_ = cluster_.timeline.now() + every;
  const std::uint32_t partition = scrubs_next_++ % static_cast<std::uint32_t>(replicas_.size());
  Replica& replica = replicas_[partition];
  if (!replica.group) return;
  auto segment = replica.group->CheckSegment(replica.scrubbed.Next());
  if (!segment) {
    replica.scrubbed = Index(0);
    return;
  }
  const auto number = TruthOf(partition).placements.at(node_).record.id.number;
  ScrubOn(partition, number, std::make_shared<SegmentScrub>(std::move(*segment)));
}

void Process::ScrubOn(std::uint32_t partition, ReplicaNumber number,
                      std::shared_ptr<SegmentScrub> segment) {
  auto has_more = std::make_shared<bool>(false);
  const auto look = [segment, has_more] { *has_more = segment->check->Step(kStepBytes); };
  is_scrubbing_ = work_
                      .Submit(look,
                              [this, partition, number, segment, has_more] {
                                if (*has_more) return ScrubOn(partition, number, segment);
                                is_scrubbing_ = false;
                                ScrubDone(partition, number, *segment);
                              })
                      .has_value();
}

void Process::ScrubDone(std::uint32_t partition, ReplicaNumber number,
                        const SegmentScrub& segment) {
  const auto& placements = TruthOf(partition).placements;
  const auto placed = placements.find(node_);
  if (placed == placements.end() || placed->second.record.id.number != number) return;
  if (files_.is_dead()) return;
  Group* const group = Use(partition);
  if (cluster_.mutant == Mutant::kDamageNotMarked) return;
  if (group == nullptr || !group->TakeDamage(segment)) return;
  if (!segment.check->damage().empty()) cluster_.coverage.Reach(Mark::kDamageAtScrub);
  replicas_[partition].scrubbed = segment.last;
}

}  // namespace raftmq::sim
