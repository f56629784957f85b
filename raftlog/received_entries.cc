#include "raftlog/received_entries.h"

#include <fmt/format.h>

#include <utility>

#include "protocol/types/message_id.h"
#include "raftlog/log_state.h"
#include "raftlog/membership_entry.h"
#include "raftlog/session_entry.h"
#include "segment/checkpoint.h"
#include "segment/frame_check.h"

namespace raftmq {
namespace {

Status CheckOrder(const BatchHeader& header, const std::vector<Frame>& before,
                  const AppendRequest& request) {
  const LeaderBlock& leader = header.leader;
  if (leader.index != request.last.Next()) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("expected entry {} of an append, found {}", request.last.Next().value(),
                            leader.index.value()));
  }
  if (before.empty()) return Ok();
  const BatchHeader& last = before.back().header;
  if (leader.term < last.leader.term || leader.base_offset != last.end_offset() ||
      leader.chain != last.header_hash) {
    return Fail(ErrorCode::kBadBatch, fmt::format("entry {} of an append does not follow entry {}",
                                                  leader.index.value(), request.last.value()));
  }
  return Ok();
}

// What the log's state is derived from without looking again.
Status CheckPayload(const Frame& entry) {
  const ProducerBlock& producer = entry.header.producer;
  switch (producer.kind) {
    case EntryKind::kData:
      if (producer.has_message_id) RAFTMQ_TRY(MessageIdOf(producer, entry.payload()));
      return Ok();
    case EntryKind::kSession:
      RAFTMQ_TRY(DecodeSessionEntry(entry.payload()));
      return Ok();
    case EntryKind::kCheckpoint: {
      RAFTMQ_TRY_ASSIGN(const CheckpointPart part, ParseCheckpointPart(entry.payload()));
      if (part.part == 0) RAFTMQ_TRY(CheckpointHeadOf(entry.payload()));  // It opens a segment.
      return Ok();
    }
    case EntryKind::kLogStart:
      RAFTMQ_TRY(DecodeLogStart(entry.payload()));
      return Ok();
    default:
      return Ok();
  }
}

}  // namespace

Result<std::vector<Frame>> CheckReceivedEntries(const std::vector<SharedBytes>& frames,
                                                std::uint64_t group_seed, AppendRequest* request) {
  std::vector<Frame> checked;
  request->last = request->previous;
  request->runs.clear();
  request->memberships.clear();
  for (const SharedBytes& bytes : frames) {
    RAFTMQ_TRY_ASSIGN(const BatchHeader header, CheckFrame(bytes.view(), group_seed));
    if (header.padded_length() != bytes.size())
      return Fail(ErrorCode::kBadBatch, "a frame of an append is longer than its entry");
    RAFTMQ_TRY(CheckOrder(header, checked, *request));
    checked.push_back({header, bytes});
    const LeaderBlock& leader = header.leader;
    request->last = leader.index;
    if (request->runs.empty() || request->runs.back().term != leader.term)
      request->runs.push_back({leader.index, leader.term});
    RAFTMQ_TRY(CheckPayload(checked.back()));
    if (header.producer.kind != EntryKind::kConfiguration) continue;
    RAFTMQ_TRY_ASSIGN(Membership membership, DecodeMembership(checked.back().payload()));
    request->memberships.push_back({leader.index, std::move(membership)});
  }
  return checked;
}

Result<LogBase> CheckReceivedBase(const std::vector<SharedBytes>& frames, std::uint64_t group_seed,
                                  ResetRequest* request) {
  if (frames.size() != 1) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("expected one checkpoint part beside a reset, found {} entries",
                            frames.size()));
  }
  RAFTMQ_TRY_ASSIGN(const BatchHeader header, CheckFrame(frames[0].view(), group_seed));
  const Frame frame{header, frames[0]};
  if (header.padded_length() != frames[0].size() || header.producer.kind != EntryKind::kCheckpoint)
    return Fail(ErrorCode::kBadBatch, "the entry beside a reset is no checkpoint part");
  RAFTMQ_TRY_ASSIGN(const CheckpointPart part, ParseCheckpointPart(frame.payload()));
  RAFTMQ_TRY_ASSIGN(Checkpoint head, CheckpointHeadOf(frame.payload()));
  const LeaderBlock& leader = header.leader;
  const bool stands_there =
      head.before.index == request->before && head.before.term == request->before_term &&
      leader.index == request->before.Next() && leader.chain == head.before.chain &&
      leader.base_offset == head.before.next_offset;
  if (!stands_there) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("expected the checkpoint behind entry {}, found that behind entry {}",
                            request->before.value(), head.before.index.value()));
  }
  request->checkpoint_last = request->before.Plus(part.parts);
  request->membership = head.membership;
  return LogBase{head.before, request->checkpoint_last, std::move(head.membership)};
}

}  // namespace raftmq
