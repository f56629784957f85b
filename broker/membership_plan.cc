#include "broker/membership_plan.h"

#include <algorithm>

namespace raftmq::broker {
namespace {

const ReplicaId* FindNode(const std::vector<ReplicaId>& wanted, NodeId node) {
  const auto found = std::ranges::find(wanted, node, &ReplicaId::node);
  return found == wanted.end() ? nullptr : &*found;
}

bool IsReplaced(const Replica& member, const std::vector<ReplicaId>& wanted) {
  const ReplicaId* const now = FindNode(wanted, member.node);
  return now == nullptr || now->number > member.number;
}

bool IsLastVoter(const Membership& members, const Replica& member) {
  return member.voter && std::ranges::count(members, true, &Replica::voter) == 1;
}

}  // namespace

std::optional<Membership> NextMembership(const Membership& now,
                                         const std::vector<ReplicaId>& wanted, ReplicaId self) {
  Membership next = now;
  const auto goes = std::ranges::find_if(next, [&](const Replica& member) {
    return member.id() != self && IsReplaced(member, wanted) && !IsLastVoter(now, member);
  });
  if (goes != next.end()) {
    next.erase(goes);
    return next;
  }
  for (const ReplicaId& replica : wanted) {
    if (std::ranges::find(now, replica.node, &Replica::node) != now.end()) continue;
    next.push_back({replica.node, replica.number, false});
    std::ranges::sort(next, {}, &Replica::node);
    return next;
  }
  const auto learner = std::ranges::find_if(next, [&](const Replica& member) {
    const ReplicaId* const found = FindNode(wanted, member.node);
    return !member.voter && found != nullptr && *found == member.id();
  });
  if (learner == next.end()) return std::nullopt;
  learner->voter = true;
  return next;
}

}  // namespace raftmq::broker
