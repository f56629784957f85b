#include "broker/fetch_stream.h"
#include "broker/handlers.h"
#include "broker/partition.h"
#include "broker/session.h"
#include "broker/shard.h"

namespace raftmq::broker {

void HandleFetch(Session& session, std::uint64_t id, const wire::FetchRequest& request) {
  auto responder = session.MakeResponder(id, Api::kFetch, 0);
  const auto partition = FindPartition(session.shard(), request.group);
  if (!partition) return responder->Refuse(partition.error());
  if (const auto room = session.CanOpenStream(id); !room) return responder->Refuse(room.error());
  // A stream's request is over once it is open; a long-poll's with its answer.
  if (!request.one_answer) responder->Finish();
  auto stream = std::make_unique<FetchStream>(session, **partition, id, request,
                                              request.one_answer ? responder : nullptr);
  session.OpenStream(std::move(stream), id).Begin(request);
}

void HandleFetchCredit(Session& session, const wire::FetchCredit& credit) {
  // Credit for a stream that has just ended crosses its end on the wire: no error.
  if (FetchStream* stream = session.FindStream(credit.stream))
    stream->AddCredit(credit.credit_bytes);
}

void HandleFetchClose(Session& session, const wire::FetchClose& close) {
  session.CloseStream(close.stream);
}

}  // namespace raftmq::broker
