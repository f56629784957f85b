#include <fmt/format.h>

#include "broker/fetch_stream.h"
#include "broker/handlers.h"
#include "broker/partition.h"
#include "broker/session.h"
#include "broker/shard.h"

namespace raftmq::broker {
namespace {

Status CheckEndSeen(Partition& partition, const wire::FetchRequest& request) {
  const Offset end = partition.group().status().end;
  if (end >= request.end_seen) return Ok();
  return Fail(ErrorCode::kNotYet,
              fmt::format("{} ends at {} on this replica, the client has seen {}", partition.Name(),
                          end.value(), request.end_seen.value()));
}

}  // namespace

void HandleFetch(Session& session, std::uint64_t id, const wire::FetchRequest& request) {
  auto responder = session.MakeResponder(id, Api::kFetch, 0);
  const auto partition = FindPartition(session.shard(), request.group);
  if (!partition) return responder->Refuse(partition.error());
  if (const auto seen = CheckEndSeen(**partition, request); !seen) {
    return responder->Refuse(seen.error());
  }
  if (const auto room = session.CanOpenStream(id); !room) return responder->Refuse(room.error());
  // A stream's request is over once it is open; a long-poll's with its answer.
  if (!request.one_answer) responder->Finish();
  auto stream = std::make_unique<FetchStream>(session, **partition, id, request,
                                              request.one_answer ? responder : nullptr);
  session.OpenStream(std::move(stream), id).Pump();
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
