#include "raftlog/received_entries.h"

#include <fmt/format.h>

#include <utility>

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
  switch (entry.header.producer.kind) {
    case EntryKind::kSession:
      RAFTMQ_TRY(DecodeSessionEntry(entry.payload()));
      return Ok();
    case EntryKind::kCheckpoint:
      RAFTMQ_TRY(ParseCheckpointPart(entry.payload()));
      return Ok();
    case EntryKind::kLogStart:
      if (entry.payload().size() == sizeof(std::uint64_t)) return Ok();
      return Fail(ErrorCode::kBadBatch,
                  fmt::format("expected a log start of 8 bytes, found {}", entry.payload().size()));
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

}  // namespace raftmq
