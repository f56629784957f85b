#include "raftlog/core/messages.h"

namespace raftmq {

bool AppendRequest::IsValid(Term term) const {
  if (last < previous) return false;
  if (runs.empty() != (last == previous)) return false;
  if (!runs.empty() && runs.front().first != previous.Next()) return false;
  Term floor = previous_term;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].first > last) return false;
    if (i > 0 && runs[i].first <= runs[i - 1].first) return false;
    if (i > 0 ? runs[i].term <= floor : runs[i].term < floor) return false;
    floor = runs[i].term;
  }
  if (floor > term) return false;
  Index before = previous;
  for (const MembershipAt& at : memberships) {
    if (at.index <= before || at.index > last || at.membership.empty()) return false;
    if (at.membership.size() > kMembershipReplicasMax) return false;
    before = at.index;
  }
  return true;
}

bool ResetRequest::IsValid(Term term) const {
  return checkpoint_last > before && !membership.empty() &&
         membership.size() <= kMembershipReplicasMax && before_term <= term;
}

}  // namespace raftmq
