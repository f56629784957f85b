#include "broker/handlers.h"
#include "broker/session.h"
#include "broker/shard.h"
#include "broker/topic_service.h"

namespace raftmq::broker {

void HandleReplaceNode(Session& session, std::uint64_t id,
                       const wire::ReplaceNodeRequest& request) {
  auto responder = session.MakeResponder(id, Api::kReplaceNode, 0);
  Shard& shard = session.shard();
  shard.topics().ReplaceNode(shard, request.node, [responder](Status replaced) {
    if (!replaced) return responder->Refuse(std::move(replaced).error());
    responder->Reply(wire::EmptyReply{});
  });
}

}  // namespace raftmq::broker
