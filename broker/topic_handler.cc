#include "broker/handlers.h"
#include "broker/session.h"
#include "broker/shard.h"
#include "broker/topic_service.h"

namespace raftmq::broker {

void HandleCreateTopic(Session& session, std::uint64_t id, wire::CreateTopicRequest request) {
  auto responder = session.MakeResponder(id, Api::kCreateTopic, 0);
  Shard& shard = session.shard();
  shard.topics().CreateTopic(shard, std::move(request), [responder](Result<TopicId> created) {
    if (!created) return responder->Refuse(std::move(created).error());
    responder->Reply(wire::CreateTopicReply{*created});
  });
}

void HandleDeleteTopic(Session& session, std::uint64_t id, wire::DeleteTopicRequest request) {
  auto responder = session.MakeResponder(id, Api::kDeleteTopic, 0);
  Shard& shard = session.shard();
  shard.topics().DeleteTopic(shard, std::move(request.name), [responder](Status deleted) {
    if (!deleted) return responder->Refuse(std::move(deleted).error());
    responder->Reply(wire::EmptyReply{});
  });
}

}  // namespace raftmq::broker
