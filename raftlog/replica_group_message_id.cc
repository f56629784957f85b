// Message ids: within the topic's window each gets into the log once.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/replica_group.h"

namespace raftmq {
namespace {

// Ids are dropped when the oldest one has been known for this share of the window too long, so that
// few entries do it.
constexpr std::int64_t kShareOverdue = 8;
// Dropped by one entry, at each replica in one go: about 3 ms of the loop.
constexpr std::size_t kDroppedMax = 10'000;

}  // namespace

std::optional<StoredBatch> ReplicaGroup::FindRepeated(const Proposal& proposal) const {
  if (!proposal.message_id) return std::nullopt;
  const std::optional<StoredBatch> stored = state_.message_ids().Find(*proposal.message_id);
  if (!stored || stored->append_time_ms < MessageIdsSinceMs()) return std::nullopt;
  const bool is_overlooked =
      options_.session_faults.overlooks_ids_under_way && stored->index > VisibleCommit();
  if (is_overlooked) return std::nullopt;
  return stored;
}

// By the time that the next entry gets.
std::int64_t ReplicaGroup::MessageIdsSinceMs() const {
  const std::int64_t now_ms = std::max(log_->tail().append_time_ms, deps_.clock.WallNowMs());
  return now_ms - options_.message_id_window_ms;
}

// Nothing is stored, but a session has to know that its record was taken. False if it has to wait.
bool ReplicaGroup::SettleRepeated(Proposal& proposal, const StoredBatch& stored) {
  const auto* const batch = std::get_if<SessionBatch>(&proposal.session);
  if (batch == nullptr) {
    deps_.metrics.duplicates.Add();
    AnswerDuplicate(std::move(proposal), stored);
    return true;
  }
  ByteBuffer frame = MakeControlEntry(
      EntryKind::kSession,
      EncodeSessionEntry(SessionRepeat{batch->session, batch->epoch, batch->base_sequence,
                                       stored.base_offset, stored.append_time_ms})
          .span());
  const std::size_t bytes = frame.size();
  const Room room = MakeRoom(EntryKind::kSession, bytes);
  if (room == Room::kWait) return false;
  if (room != Room::kGo) {
    Refuse(proposal, room);
    return true;
  }
  deps_.metrics.duplicates.Add();
  Append({.kind = EntryKind::kSession,
          .buffer = std::move(frame),
          .frame_bytes = bytes,
          .options = {.in_memory = proposal.options.in_memory},
          .done =
              [stored, done = std::move(proposal.done)](Result<Proposed> proposed) {
                if (!done) return;
                if (proposed) {
                  proposed->base_offset = stored.base_offset;
                  proposed->append_time_ms = stored.append_time_ms;
                  proposed->is_duplicate = true;
                }
                done(std::move(proposed));
              },
          .proposed_at = proposal.proposed_at});
  return true;
}

Status ReplicaGroup::CheckMessageId(const Proposal& proposal) const {
  if (!proposal.message_id || options_.message_id_window_ms > 0) return Ok();
  return Fail(ErrorCode::kBadRequest,
              "expected no message id: the topic was created without message.id.window");
}

// nullopt if there is none: all that are known lie within the window.
std::optional<ReplicaGroup::Room> ReplicaGroup::MakeRoomForMessageId() {
  if (state_.message_ids().size() < options_.message_ids_max) return Room::kGo;
  const std::int64_t before_ms = MessageIdsSinceMs();
  if (!state_.message_ids().HasOlderThan(before_ms)) return std::nullopt;
  const Room room = ProposeMessageIdExpiry(before_ms);
  if (room != Room::kGo) return room;
  if (state_.message_ids().size() >= options_.message_ids_max) return std::nullopt;
  return Room::kGo;
}

Error ReplicaGroup::RefusedMessageIdsFull() {
  deps_.metrics.refused_message_ids_full.Add();
  return {
      ErrorCode::kLimitExceeded,
      fmt::format("{} message ids are known, all of the last {} ms: a shorter message.id.window "
                  "or more partitions take more messages",
                  state_.message_ids().size(), options_.message_id_window_ms)};
}

// By log time, as for sessions.
void ReplicaGroup::MaybeExpireMessageIds() {
  if (proposals_.has_held()) return;
  const std::int64_t window_ms = options_.message_id_window_ms;
  const std::int64_t before_ms = log_->tail().append_time_ms - window_ms;
  if (!state_.message_ids().HasOlderThan(before_ms - window_ms / kShareOverdue)) return;
  static_cast<void>(ProposeMessageIdExpiry(before_ms));  // The next pass goes on, or tries again.
}

ReplicaGroup::Room ReplicaGroup::ProposeMessageIdExpiry(std::int64_t before_ms) {
  return ProposeStateEntry(MessageIdExpiry{state_.message_ids().ExpiryOf(kDroppedMax, before_ms)});
}

}  // namespace raftmq
