// Trim, losses that are accepted, the search for an offset by time, and the end of a linearizable
// read.
#include <fmt/format.h>

#include <utility>

#include "broker/handlers.h"
#include "broker/partition.h"
#include "broker/session.h"
#include "broker/shard.h"

namespace raftmq::broker {

void HandleTrim(Session& session, std::uint64_t id, const wire::TrimRequest& request) {
  auto responder = session.MakeResponder(id, Api::kTrim, 0);
  const auto found = FindPartition(session.shard(), request.group);
  if (!found) return responder->Refuse(found.error());
  Partition& partition = **found;
  partition.group().Trim(request.offset, [&partition, responder](Result<Offset> log_start) {
    if (!log_start)
      return responder->RefuseWith(WithBounds(std::move(log_start).error(), partition));
    partition.PublishStats();
    responder->Reply(wire::TrimReply{*log_start});
  });
  session.shard().partitions().Touch(partition);
}

void HandleAcceptLoss(Session& session, std::uint64_t id, const wire::AcceptLossRequest& request) {
  auto responder = session.MakeResponder(id, Api::kAcceptLoss, 0);
  const auto found = FindPartition(session.shard(), request.group);
  if (!found) return responder->Refuse(found.error());
  Partition& partition = **found;
  Shard& shard = session.shard();
  partition.group().AcceptLoss(
      request.offset, [&partition, &shard, responder](Result<AcceptedLoss> loss) {
        if (!loss) return responder->RefuseWith(WithBounds(std::move(loss).error(), partition));
        shard.services().log.Fault(
            "storage", fmt::format("{}: an operator has given up what was damaged: the log starts "
                                   "at offset {} now",
                                   partition.Name(), loss->log_start.value()));
        partition.PublishStats();
        responder->Reply(
            wire::AcceptLossReply{.log_start = loss->log_start, .files_end = loss->files_end});
      });
  session.shard().partitions().Touch(partition);
}

void HandleListOffsets(Session& session, std::uint64_t id,
                       const wire::ListOffsetsRequest& request) {
  auto responder = session.MakeResponder(id, Api::kListOffsets, 0);
  const auto found = FindPartition(session.shard(), request.group);
  if (!found) return responder->Refuse(found.error());
  Partition& partition = **found;
  partition.group().FindOffset(
      request.timestamp_ms, [&partition, responder](Result<Group::OffsetAtTime> at) {
        if (!at) return responder->RefuseWith(WithBounds(std::move(at).error(), partition));
        const GroupStatus status = partition.group().status();
        responder->Reply(wire::ListOffsetsReply{.offset = at->offset,
                                                .timestamp_ms = at->timestamp_ms,
                                                .log_start = status.log_start,
                                                .end = status.end,
                                                .term = status.term});
      });
  session.shard().partitions().Touch(partition);
}

void HandleReadIndex(Session& session, std::uint64_t id, const wire::ReadIndexRequest& request) {
  auto responder = session.MakeResponder(id, Api::kReadIndex, 0);
  const auto found = FindPartition(session.shard(), request.group);
  if (!found) return responder->Refuse(found.error());
  Partition& partition = **found;
  partition.group().ReadIndex([&partition, responder](Result<Offset> end) {
    if (!end) return responder->Refuse(std::move(end).error());
    const GroupStatus status = partition.group().status();
    responder->Reply(
        wire::ReadIndexReply{.end = *end, .log_start = status.log_start, .term = status.term});
  });
  session.shard().partitions().Touch(partition);
}

}  // namespace raftmq::broker
