// Changes of the membership: entries like others, but that the core has to agree to each.
#include <utility>

#include "raftlog/membership_entry.h"
#include "raftlog/replica_group.h"

namespace raftmq {

void ReplicaGroup::ChangeMembership(const Membership& next, ProposeDone done) {
  ByteBuffer frame = MakeControlEntry(EntryKind::kConfiguration, EncodeMembership(next).span());
  const std::size_t bytes = frame.size();
  Proposal proposal{.kind = EntryKind::kConfiguration,
                    .buffer = std::move(frame),
                    .frame_bytes = bytes,
                    .done = std::move(done),
                    .proposed_at = deps_.clock.SteadyNow()};
  if (const Status admitted = CheckAdmission(proposal); !admitted)
    return proposal.done(Fail(admitted.error()));
  // While leadership is handed on others are held back, but a change is not.
  if (!core_.IsAccepting()) return proposal.done(Fail(RefusedNotLeader()));
  switch (const Room room = MakeRoom(proposal.kind, bytes)) {
    case Room::kGo:
      break;
    case Room::kWait:  // Not held: when its turn comes, it may be wrong.
      return proposal.done(Fail(ErrorCode::kNotYet, "the next segment is being prepared"));
    case Room::kFull:
    case Room::kTooLarge:
      return Refuse(proposal, room);
  }
  if (const Result<Index> index = core_.ProposeMembership(next, bytes); !index)
    return proposal.done(Fail(index.error()));
  proposed_.push_back(std::move(proposal));
  CarryOut({});
  UpdateGauges();
}

}  // namespace raftmq
