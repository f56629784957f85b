// How a group gets the members that the catalogue wants, one change at a time.
#pragma once

#include <optional>
#include <vector>

#include "protocol/types/ids.h"
#include "protocol/types/membership.h"

namespace raftmq::broker {

// What the leader, `self`, should make the membership next; nullopt if there is nothing to do. Who
// is not wanted any more goes first, then who is new comes as a learner, then learners are promoted
// (which is refused until they have caught up).
//
// Numbers only rise: a member with a higher one than is wanted means that this node knows an old
// catalogue, and stays. So does the leader itself, and the last voter.
std::optional<Membership> NextMembership(const Membership& now,
                                         const std::vector<ReplicaId>& wanted, ReplicaId self);

}  // namespace raftmq::broker
