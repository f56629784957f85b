// Produce: check the batch once, hand the received bytes themselves to the group, answer when it
// has committed them (or at once, at the weaker levels of acks).
#include <fmt/format.h>

#include <utility>

#include "broker/handlers.h"
#include "broker/partition.h"
#include "broker/session.h"
#include "broker/shard.h"
#include "protocol/types/batch_validator.h"

namespace raftmq::broker {
namespace {

Result<BatchHeader> CheckBatch(const Partition& partition, ByteSpan attachment) {
  const std::size_t bytes_max = partition.settings().message_bytes_max;
  return ValidateBatch(attachment, {.batch_bytes_max = bytes_max});
}

Group::ProposeDone AnswerWhenDone(Shard& shard, Partition& partition,
                                  std::shared_ptr<Responder> responder) {
  // The group owns the callback, the partition owns the group: the partition outlives the call.
  return [&shard, &partition, responder = std::move(responder)](Result<Proposed> proposed) {
    if (!proposed) {
      // Before the refusal leaves: metadata must not send the client back here.
      if (proposed.error().code == ErrorCode::kNotLeader) partition.PublishStats();
      return responder->RefuseWith(WithBounds(std::move(proposed).error(), partition));
    }
    shard.NoteProduceAnswered();
    responder->Reply(wire::ProduceReply{.base_offset = proposed->base_offset,
                                        .append_time_ms = proposed->append_time_ms,
                                        .log_start = partition.group().status().log_start});
  };
}

}  // namespace

void HandleProduce(Session& session, std::uint64_t id, const wire::ProduceRequest& request,
                   wire::Frame frame) {
  Shard& shard = session.shard();
  const std::size_t bytes = frame.buffer.size();
  MemoryShare memory = shard.memory().Take(bytes);
  const bool has_memory = static_cast<bool>(memory);
  const bool is_silent = request.acks == wire::Acks::kNone;
  auto responder = session.MakeResponder(id, Api::kProduce, bytes, std::move(memory), is_silent);
  if (!has_memory) {
    return responder->Refuse(
        {ErrorCode::kOverloaded,
         fmt::format("requests under way hold all of the memory budget of {} bytes (limits.memory)",
                     shard.memory().bytes_max())});
  }
  const auto partition = FindPartition(shard, request.group);
  if (!partition) return responder->Refuse(partition.error());
  const auto header = CheckBatch(**partition, frame.attachment());
  if (!header) return responder->Refuse(header.error());
  const std::size_t at = frame.attachment_at();
  const std::size_t frame_bytes = frame.attachment().size();
  TopicMetrics& metrics = (*partition)->metrics();
  metrics.messages_in.Add(header->producer.record_count);
  metrics.bytes_in.Add(frame_bytes);
  Group& group = (*partition)->group();
  auto done = AnswerWhenDone(shard, **partition, std::move(responder));
  const ProposeOptions options{.in_memory = request.acks != wire::Acks::kQuorum,
                               .base_offset = request.base_offset};
  group.Propose(std::move(frame.buffer), at, frame_bytes, options, std::move(done));
  shard.partitions().Touch(**partition);
}

}  // namespace raftmq::broker
