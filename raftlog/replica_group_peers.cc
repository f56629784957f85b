// What goes to the other replicas and what comes from them.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/received_entries.h"
#include "raftlog/replica_group.h"

namespace raftmq {
namespace {

constexpr std::size_t kAppendBytesMax = 1u << 20;  // Of one from the cache; at least one entry.

}  // namespace

void ReplicaGroup::Receive(PeerMessage message) {
  if (last_status_) return;
  if (auto* const raft = std::get_if<RaftMessage>(&message.body)) {
    ReceiveRaft(std::move(*raft), message.frames);
  } else if (const auto* const proposal = std::get_if<ForwardedProposal>(&message.body)) {
    ReceiveProposal(*proposal, std::move(message.frames));
  } else if (const auto* const request = std::get_if<RepairRequest>(&message.body)) {
    ReceiveRepairRequest(*request);
  } else if (const auto* const reply = std::get_if<RepairReply>(&message.body)) {
    ReceiveRepairReply(*reply, std::move(message.frames));
  } else {
    ReceiveOutcome(std::get<ForwardedOutcome>(message.body));
  }
}

void ReplicaGroup::ReceiveRaft(RaftMessage message, const std::vector<SharedBytes>& frames) {
  deps_.metrics.messages_received.Add();
  if (!core_.IsCredible(message.term)) return deps_.metrics.terms_refused.Add();
  if (!core_.KnowsMembership() && message.to == self()) heard_from_.insert(message.from);
  const bool is_transfer = std::holds_alternative<TransferNow>(message.body);
  if (is_transfer && (IsSpaceLow() || !HasRoomForTerm())) return;
  Received received;
  if (auto* const reset = std::get_if<ResetRequest>(&message.body)) {
    const auto base = CheckReceivedBase(frames, log_->group_seed(), reset);
    if (!base || !reset->IsValid(message.term)) return deps_.metrics.resets_refused.Add();
    received.base = *base;
  }
  if (auto* const append = std::get_if<AppendRequest>(&message.body)) {
    auto checked = CheckReceivedEntries(frames, log_->group_seed(), append);
    if (!checked || !append->IsValid(message.term) || !ContinuesLog(*append, *checked) ||
        !SuitsBase(*checked))
      return deps_.metrics.appends_refused.Add();
    received.entries = std::move(*checked);
    // What comes from an old leader has no effect, also on the file that is prepared.
    if (message.term >= core_.status().term) KeepWhatFits(append, &received.entries);
  }
  // A replica that is being closed leads nobody.
  if (draining_ && is_transfer) return;
  core_.Step(message);
  CarryOut(received);
  if (failure_) return;
  OnAppliedOrCommitted();
  SettleTransfer();
  ReleaseHeld();
}

// An entry that would become the next one must continue the chain, also behind entries that are
// there already; where it does not, one of the two logs is damaged, and nothing may be built on it.
bool ReplicaGroup::ContinuesLog(const AppendRequest& append,
                                const std::vector<Frame>& entries) const {
  const LogTail tail = log_->tail();
  // Another history up to here: the core answers that. What is no longer kept was the same.
  const std::optional<Term> previous_term = core_.TermAt(append.previous);
  if (previous_term && *previous_term != append.previous_term) return true;
  for (const Frame& entry : entries) {
    const LeaderBlock& leader = entry.header.leader;
    if (leader.index < log_->bounds().first) continue;
    if (leader.index == tail.index.Next())
      return leader.chain == tail.chain && leader.base_offset == tail.next_offset;
    if (log_->TermAt(leader.index) != leader.term) return true;  // Or from here on.
  }
  return true;
}

// Of what is damaged the log does not know the term: the leader's entries may replace it.
bool ReplicaGroup::HasWhole(const LeaderBlock& leader) const {
  return core_.damage().Find(leader.index) == nullptr && log_->TermAt(leader.index) == leader.term;
}

// Segments roll where the leader's did. Until the next file is prepared the entries from there on
// are left out, and so is a second roll, which needs yet another file: the leader sends them again.
// So is what the file does not hold, if it was cut short.
void ReplicaGroup::KeepWhatFits(AppendRequest* append, std::vector<Frame>* entries) {
  bool has_rolled = false;
  std::optional<std::uint64_t> left;  // For those that are missing here, since one that is not.
  bool is_first = true;               // Of these.
  const auto end = std::ranges::find_if(*entries, [&](const Frame& entry) {
    const LeaderBlock& leader = entry.header.leader;
    if (HasWhole(leader)) {  // What stands before it is the same, too (Log Matching).
      is_first = true;
      return false;
    }
    if (std::exchange(is_first, false)) left = log_->BytesLeftBehind(leader.index.Minus(1));
    if (IsCheckpointStart(entry)) {
      if (std::exchange(has_rolled, true)) return true;
      const Result<Checkpoint> head = CheckpointHeadOf(entry.payload());
      return head && !log_->CanRoll(head->segment_bytes);
    }
    if (has_rolled || !left) return false;
    if (entry.bytes.size() > *left) return true;
    *left -= entry.bytes.size();
    return false;
  });
  if (end == entries->end()) return;
  deps_.metrics.appends_cut_short.Add();
  append->last = end->header.leader.index.Minus(1);
  entries->erase(end, entries->end());
  std::erase_if(append->runs, [append](const TermRun& run) { return run.first > append->last; });
  std::erase_if(append->memberships,
                [append](const MembershipAt& at) { return at.index > append->last; });
}

void ReplicaGroup::CutBack(Index last_kept) {
  log_->TruncateAfter(last_kept);
  cache_.TruncateAfter(last_kept);
  state_.TruncateAfter(last_kept);
  while (!own_checkpoints_.empty() && own_checkpoints_.back().first > last_kept)
    own_checkpoints_.pop_back();
  deps_.metrics.truncations.Add();
  MeasureLog();
  // Some other replica may still bring the entry back: the outcome is not known.
  proposals_.LoseAbove(last_kept, UnknownOutcome());
}

void ReplicaGroup::StageReceived(const Frame& entry) {
  const LeaderBlock& leader = entry.header.leader;
  RAFTMQ_CHECK(leader.index == log_->tail().index.Next());
  if (IsCheckpointStart(entry)) ++segments_;
  state_.Append(entry.header, entry.payload());
  cache_.Add({.frame = entry.bytes,
              .index = leader.index,
              .base_offset = leader.base_offset,
              .end_offset = entry.header.end_offset()});
  log_->Stage(entry.bytes);
  CountStaged(entry.bytes.size());
  TakeArrivedCheckpoint();
}

void ReplicaGroup::SendToFollowers() {
  for (const Progress& follower : core_.followers()) {
    const NodeId to = follower.replica.node;
    while (const auto range = core_.NextToSend(to)) {
      std::vector<SharedBytes> frames = GatherFrom(range->first, range->last);
      if (frames.empty()) frames = TakeCatchUp(to, range->first);
      if (frames.empty()) {
        ReadForCatchUp(follower, *range);
        break;
      }
      RaftMessage message = core_.MakeAppend(to, range->first.Plus(frames.size() - 1));
      Send(std::move(message), std::move(frames));
    }
  }
  core_.EndTurn();
}

std::vector<SharedBytes> ReplicaGroup::GatherFrom(Index first, Index last) const {
  std::vector<SharedBytes> frames;
  std::size_t bytes = 0;
  for (Index index = first; index <= last; index = index.Next()) {
    const CachedEntry* const entry = cache_.FindIndex(index);
    if (entry == nullptr) break;
    bytes += entry->frame.size();
    if (bytes > kAppendBytesMax && !frames.empty()) break;
    frames.push_back(entry->frame);
  }
  return frames;
}

// What the cache no longer holds comes from the files; one read per follower at a time, and no
// faster than suits those who are served meanwhile.
void ReplicaGroup::ReadForCatchUp(const Progress& follower, const Raft::SendRange& range) {
  const RaftStatus& raft = core_.status();
  const NodeId to = follower.replica.node;
  CatchUp& catch_up = catch_ups_[to];
  if (catch_up.is_reading || range.first > raft.durable.last) return;
  if (catch_up.term != raft.term) catch_up = {.term = raft.term};
  const Microseconds now = deps_.clock.SteadyNow();
  const std::size_t bytes_max = catch_up.pace.BytesToRead(
      range.first, follower.synced,
      {.now = now, .is_live = deps_.live_traffic.GoesOn(now), .appended_bytes = appended_bytes_});
  if (bytes_max == 0) return;
  std::unique_ptr<LogRead> read =
      log_->Read({.by = ReadFrom::By::kIndex, .value = range.first.value()},
                 std::min(range.last, raft.durable.last), bytes_max);
  if (!read) return;
  catch_up.is_reading = true;
  reader_.Run(std::move(read), [this, to, first = range.first](Result<LogSlice> slice) {
    CatchUp& done = catch_ups_[to];
    done.is_reading = false;
    done.slice.reset();
    // What cannot be read now is tried again with the next turn, not at once and for ever.
    if (!slice || slice->first != first || slice->last < first) return;
    done.slice = std::move(*slice);
    TurnEnd();
  });
}

std::vector<SharedBytes> ReplicaGroup::TakeCatchUp(NodeId to, Index first) {
  std::vector<SharedBytes> frames;
  const auto found = catch_ups_.find(to);
  if (found == catch_ups_.end() || !found->second.slice) return frames;
  CatchUp& catch_up = found->second;
  const LogSlice slice = *std::exchange(catch_up.slice, std::nullopt);
  if (slice.first != first || catch_up.term != core_.status().term) return frames;
  FrameCursor cursor(slice.bytes);
  while (auto frame = cursor.Next()) frames.push_back(std::move(frame->bytes));
  catch_up.pace.Sent(first, slice.last, slice.bytes.size());
  return frames;
}

void ReplicaGroup::Send(RaftMessage message, std::vector<SharedBytes> frames) {
  if (std::holds_alternative<ResetRequest>(message.body) && frames.empty())
    return SendReset(std::move(message));
  deps_.metrics.messages_sent.Add();
  deps_.transport.Send(
      {.group = options_.log.group, .body = std::move(message), .frames = std::move(frames)});
}

void ReplicaGroup::PeerUnreachable(NodeId node) {
  if (last_status_) return;
  core_.PeerUnreachable(node);
  CarryOut({});
}

void ReplicaGroup::PeerSilent(NodeId node, std::uint32_t ticks) {
  if (last_status_) return;
  core_.PeerSilent(node, ticks);
  CarryOut({});
}

void ReplicaGroup::TellHeartbeats() {
  if (deps_.heartbeats == nullptr || core_.quiet_changes() == told_changes_) return;
  told_changes_ = core_.quiet_changes();
  const RaftStatus& raft = core_.status();
  QuietState state{.term = raft.term};
  if (raft.role == RaftRole::kFollower && core_.IsQuiet()) state.leader = raft.leader;
  for (const Progress& follower : core_.followers()) {
    if (follower.is_quiet) state.followers.push_back(follower.replica.node);
  }
  deps_.heartbeats->Update(options_.log.group, state);
}

Error ReplicaGroup::UnknownOutcome() const {
  return {ErrorCode::kDisconnected,
          fmt::format("node {} lost its leadership of {} before the outcome was known",
                      options_.self.value(), options_.log.group.ToString())};
}

}  // namespace raftmq
