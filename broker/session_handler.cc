// Sessions of producers: allotted by the catalogue, opened in a partition by its leader.
#include "broker/handlers.h"
#include "broker/partition.h"
#include "broker/session.h"
#include "broker/shard.h"
#include "broker/topic_service.h"

namespace raftmq::broker {

void HandleInitProducer(Session& session, std::uint64_t id, wire::InitProducerRequest request) {
  auto responder = session.MakeResponder(id, Api::kInitProducer, 0);
  Shard& shard = session.shard();
  shard.topics().AllotSession(
      shard, std::move(request.name), [responder](Result<AllottedSession> allotted) {
        if (!allotted) return responder->Refuse(std::move(allotted).error());
        responder->Reply(
            wire::InitProducerReply{.session = allotted->session, .epoch = allotted->epoch});
      });
}

void HandleOpenSession(Session& session, std::uint64_t id,
                       const wire::OpenSessionRequest& request) {
  auto responder = session.MakeResponder(id, Api::kOpenSession, 0);
  if (request.session == SessionId()) {
    return responder->Refuse({ErrorCode::kBadRequest, "expected a session, found 0"});
  }
  const auto found = FindPartition(session.shard(), request.group);
  if (!found) return responder->Refuse(found.error());
  Partition& partition = **found;
  partition.group().OpenSession(
      request.session, request.epoch, [&partition, responder](Result<OpenedSession> opened) {
        if (!opened) {
          // Before the refusal leaves: metadata must not send the client back here.
          if (opened.error().code == ErrorCode::kNotLeader) partition.PublishStats();
          return responder->Refuse(std::move(opened).error());
        }
        responder->Reply(wire::OpenSessionReply{.epoch = opened->epoch,
                                                .next_sequence = opened->next_sequence,
                                                .may_be_forgotten = opened->may_be_forgotten});
      });
  session.shard().partitions().Touch(partition);
}

}  // namespace raftmq::broker
