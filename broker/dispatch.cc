#include <fmt/format.h>

#include "broker/handlers.h"
#include "broker/partition.h"
#include "broker/session.h"
#include "broker/shard.h"
#include "protocol/wire/codec.h"

namespace raftmq::broker {
namespace {

// A request that cannot even be handed to a handler.
void Refuse(Session& session, std::uint64_t id, Error error) {
  session.CountError(Api::kOther, error.code);
  session.Send(id, wire::ErrorReply{std::move(error), {}, {}}, {});
}

struct Dispatcher {
  Session& session;
  std::uint64_t id;
  wire::Frame& frame;

  void operator()(const wire::ProduceRequest& request) const {
    HandleProduce(session, id, request, std::move(frame));
  }
  void operator()(const wire::FetchRequest& request) const { HandleFetch(session, id, request); }
  void operator()(const wire::FetchCredit& credit) const { HandleFetchCredit(session, credit); }
  void operator()(const wire::FetchClose& close) const { HandleFetchClose(session, close); }
  void operator()(const wire::MetadataRequest& request) const {
    HandleMetadata(session, id, request);
  }
  void operator()(wire::CreateTopicRequest& request) const {
    HandleCreateTopic(session, id, std::move(request));
  }
  void operator()(wire::DeleteTopicRequest& request) const {
    HandleDeleteTopic(session, id, std::move(request));
  }
  void operator()(const wire::TrimRequest& request) const { HandleTrim(session, id, request); }
  void operator()(const wire::AcceptLossRequest& request) const {
    HandleAcceptLoss(session, id, request);
  }
  void operator()(const wire::ListOffsetsRequest& request) const {
    HandleListOffsets(session, id, request);
  }
  void operator()(const wire::ReadIndexRequest& request) const {
    HandleReadIndex(session, id, request);
  }
  void operator()(const wire::TransferLeaderRequest& request) const {
    HandleTransferLeader(session, id, request);
  }
  void operator()(const wire::ReplaceNodeRequest& request) const {
    HandleReplaceNode(session, id, request);
  }
  void operator()(wire::InitProducerRequest& request) const {
    HandleInitProducer(session, id, std::move(request));
  }
  void operator()(const wire::OpenSessionRequest& request) const {
    HandleOpenSession(session, id, request);
  }
  void operator()(const wire::ScrubRequest& request) const { HandleScrub(session, id, request); }
  void operator()(const wire::HelloRequest&) const {
    session.Close({ErrorCode::kBadRequest, "a second hello came on this connection"});
  }
  template <class Reply>
  void operator()(const Reply&) const {
    Refuse(session, id, {ErrorCode::kUnsupported, "expected a request, found a reply"});
  }
};

}  // namespace

void Dispatch(Session& session, wire::Frame frame) {
  std::uint64_t id = 0;
  auto message = wire::DecodeMessage(frame.message(), &id);
  if (!message) return Refuse(session, id, std::move(message).error());
  std::visit(Dispatcher{session, message->request_id, frame}, message->body);
}

Result<Partition*> FindPartition(Shard& shard, const GroupId& group) {
  if (Partition* partition = shard.partitions().Find(group)) return partition;
  return Fail(shard.WhyNotHere(group));
}

wire::ErrorReply WithBounds(Error error, Partition& partition, Offset at) {
  const GroupStatus status = partition.group().status();
  wire::ErrorReply reply{std::move(error), {}, {}};
  switch (reply.error.code) {
    case ErrorCode::kOffsetBelowStart:
      reply.log_start = status.log_start;
      break;
    case ErrorCode::kOffsetBeyondEnd:
      reply.end = status.end;
      break;
    case ErrorCode::kPositionDiverged:
      reply.log_start = status.log_start;
      reply.end = status.end;
      break;
    case ErrorCode::kDataCorrupt:
      // Where good data ends, and where it goes on.
      for (const DamagedRange& range : partition.group().damage()) {
        if (range.end_offset <= at) continue;
        reply.end = range.first_offset;
        reply.log_start = range.end_offset;
        break;
      }
      break;
    default:
      break;
  }
  return reply;
}

}  // namespace raftmq::broker
