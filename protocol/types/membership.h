// Who belongs to a Raft group.
#pragma once

#include <compare>
#include <cstddef>
#include <vector>

#include "protocol/types/ids.h"

namespace raftmq {

// A replica for ever: the same node gets another number when it holds the group again after a loss.
struct ReplicaId {
  NodeId node;
  ReplicaNumber number;
  auto operator<=>(const ReplicaId&) const = default;
};

struct Replica {
  NodeId node;
  ReplicaNumber number;
  bool voter = true;
  ReplicaId id() const { return {node, number}; }
  bool operator==(const Replica&) const = default;
};
using Membership = std::vector<Replica>;  // Sorted by node; a node at most once.
inline constexpr std::size_t kMembershipReplicasMax = 128;

}  // namespace raftmq
