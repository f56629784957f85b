// A shard's groups as its scrubber sees them: the partitions, and the catalogue on its home shard.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "broker/scrub/scrub_place.h"

namespace raftmq::broker {

class Shard;

// Loop-affine. The shard outlives it.
class ShardPlace final : public ScrubPlace {
 public:
  explicit ShardPlace(Shard& shard) : shard_(shard) {}

  bool IsComplete() override;
  std::vector<GroupId> Groups() override;
  bool Has(const GroupId& id) override;
  std::string NameOf(const GroupId& id) override;
  std::uint64_t BytesOf(const GroupId& id) override;
  std::optional<SegmentScrub> CheckSegment(const GroupId& id, Index from) override;
  bool TakeDamage(const GroupId& id, const SegmentScrub& segment) override;
  void RepairMeta(const GroupId& id) override;
  void VisitDamage(
      const std::function<void(const GroupId&, const std::vector<DamagedRange>&)>& visit) override;

 private:
  Shard& shard_;
};

}  // namespace raftmq::broker
