// What the scrubber sees of its shard.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/types/ids.h"
#include "raftlog/group.h"

namespace raftmq::broker {

// Loop-affine. Groups may come and go between any two calls.
class ScrubPlace {
 public:
  virtual ~ScrubPlace() = default;
  // Whether all groups that belong here are open, or known to be lost.
  virtual bool IsComplete() = 0;
  // All groups here, the catalogue's included, in the order of their ids.
  virtual std::vector<GroupId> Groups() = 0;
  virtual bool Has(const GroupId& id) = 0;
  virtual std::string NameOf(const GroupId& id) = 0;  // "orders/0".
  virtual std::uint64_t BytesOf(const GroupId& id) = 0;
  // As Group's; nullopt and true of a group that has gone.
  virtual std::optional<SegmentScrub> CheckSegment(const GroupId& id, Index from) = 0;
  virtual bool TakeDamage(const GroupId& id, const SegmentScrub& segment) = 0;
  virtual void RepairMeta(const GroupId& id) = 0;
  // Calls `visit` for every group that has damage.
  virtual void VisitDamage(
      const std::function<void(const GroupId&, const std::vector<DamagedRange>&)>& visit) = 0;
};

}  // namespace raftmq::broker
