// The node's scrubber: started by hand, and asked how it is getting on. Any shard answers for all.
#include "broker/handlers.h"
#include "broker/session.h"
#include "broker/shard.h"

namespace raftmq::broker {
namespace {

constexpr std::size_t kDamageToldMax = 100;

wire::ScrubReply Answer(NodeId node, const NodeScrubStatus& status) {
  wire::ScrubReply reply{.node = node,
                         .running = status.is_running,
                         .by_hand = status.by_hand,
                         .began_ms = status.began_ms,
                         .ended_ms = status.ended_ms,
                         .bytes_read = status.bytes_read,
                         .bytes_all = status.bytes_all,
                         .passes = status.passes,
                         .damage_found = status.found,
                         .damage_repaired = status.repaired,
                         .damage_open = status.open.size(),
                         .damage = {}};
  for (const KnownDamage& damage : status.open) {
    if (reply.damage.size() == kDamageToldMax) break;
    reply.damage.push_back({damage.where, damage.first_offset, damage.end_offset, damage.what});
  }
  return reply;
}

}  // namespace

void HandleScrub(Session& session, std::uint64_t id, const wire::ScrubRequest& request) {
  auto responder = session.MakeResponder(id, Api::kScrub, 0);
  NodeScrub& scrub = session.shard().services().scrub;
  if (request.start) scrub.Order();
  responder->Reply(Answer(session.shard().options().node, scrub.Status()));
}

}  // namespace raftmq::broker
