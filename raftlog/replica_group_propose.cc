// From a proposal to a stamped and staged entry.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/frames.h"
#include "raftlog/replica_group.h"

namespace raftmq {
namespace {

Proposal ProposalOf(ByteBuffer buffer, std::size_t frame_at, std::size_t frame_bytes) {
  const ByteSpan frame = ByteSpan(buffer.span()).subspan(frame_at, frame_bytes);
  const Result<BatchHeader> header = ParseBatchHeader(frame);
  RAFTMQ_CHECK(header.has_value());
  RAFTMQ_CHECK(header->padded_length() == frame_bytes);
  const ProducerBlock& producer = header->producer;
  std::optional<MessageId> message_id;
  if (producer.has_message_id) {
    const Result<MessageId> id = MessageIdOf(producer, frame.subspan(kBatchHeaderBytes));
    RAFTMQ_CHECK(id.has_value());
    message_id = *id;
  }
  Proposal proposal{.kind = producer.kind,
                    .buffer = std::move(buffer),
                    .frame_at = frame_at,
                    .frame_bytes = frame_bytes,
                    .message_id = message_id};
  if (producer.kind == EntryKind::kData && producer.session != SessionId(0))
    proposal.session = SessionBatchOf(producer);
  return proposal;
}

}  // namespace

void ReplicaGroup::Propose(ByteBuffer buffer, std::size_t frame_at, std::size_t frame_bytes,
                           const ProposeOptions& options, ProposeDone done) {
  Proposal proposal = ProposalOf(std::move(buffer), frame_at, frame_bytes);
  proposal.options = options;
  proposal.done = std::move(done);
  Enter(std::move(proposal));
}

void ReplicaGroup::Enter(Proposal proposal) {
  if (const Status admitted = CheckAdmission(proposal); !admitted) {
    if (admitted.error().code == ErrorCode::kOverloaded) deps_.metrics.refused_overloaded.Add();
    if (proposal.done) proposal.done(Fail(admitted.error()));
    return;
  }
  proposal.proposed_at = deps_.clock.SteadyNow();
  deps_.metrics.proposals.Add();
  deps_.metrics.proposal_bytes.Add(proposal.frame_bytes);
  Admit(std::move(proposal));
  UpdateGauges();
}

Status ReplicaGroup::CheckAdmission(const Proposal& proposal) const {
  if (draining_) return Fail(ErrorCode::kDraining, "the broker is shutting down");
  if (failure_) return Fail(RefusedNotLeader());
  if (!core_.IsAccepting() && !transfer_) return Fail(RefusedNotLeader());
  if (proposal.frame_bytes > options_.batch_bytes_max) {
    return Fail(ErrorCode::kBatchTooLarge,
                fmt::format("expected a batch of at most {} bytes, found {}",
                            options_.batch_bytes_max, proposal.frame_bytes));
  }
  RAFTMQ_TRY(CheckMessageId(proposal));
  const std::size_t pending = core_.status().uncommitted_bytes + proposals_.held_bytes();
  // One proposal always gets in, so that a small bound cannot refuse for ever.
  if (pending > 0 && pending + proposal.frame_bytes > options_.pending_bytes_max) {
    return Fail(ErrorCode::kOverloaded,
                fmt::format("{} bytes wait for their commit already, at most {} may; back off",
                            pending, options_.pending_bytes_max));
  }
  return Ok();
}

void ReplicaGroup::Admit(Proposal proposal) {
  // Nobody overtakes: a session's batches keep their order.
  if (proposals_.has_held() || transfer_) return proposals_.Hold(std::move(proposal));
  if (!Settle(proposal)) proposals_.Hold(std::move(proposal));
}

// Appends, answers or refuses it. False if it has to wait: then it is as it was.
bool ReplicaGroup::Settle(Proposal& proposal) {
  const SessionJudgement judged = Judge(proposal);
  const bool begins = judged.verdict == SessionVerdict::kBegins;
  const bool continues = judged.verdict == SessionVerdict::kContinues;
  const std::optional<Room> place = begins ? MakeRoomForSession() : Room::kGo;
  if (!place || !(begins || continues)) {
    AnswerJudged(std::move(proposal), judged);
    return true;
  }
  return *place == Room::kGo ? SettleJudged(proposal) : AppendIf(*place, proposal);
}

// The same, if its session allows it.
bool ReplicaGroup::SettleJudged(Proposal& proposal) {
  if (const auto stored = FindRepeated(proposal)) return SettleRepeated(proposal, *stored);
  if (const Status there = CheckBaseOffset(proposal); !there) {
    RefuseByState(std::move(proposal), there.error());
    return true;
  }
  const std::optional<Room> place = proposal.message_id ? MakeRoomForMessageId() : Room::kGo;
  if (!place) {
    RefuseByState(std::move(proposal), RefusedMessageIdsFull());
    return true;
  }
  if (*place != Room::kGo) return AppendIf(*place, proposal);
  return AppendIf(MakeRoom(proposal.kind, proposal.frame_bytes), proposal);
}

bool ReplicaGroup::AppendIf(Room room, Proposal& proposal) {
  if (room == Room::kWait) return false;
  if (room == Room::kGo) {
    Append(std::move(proposal));
  } else {
    Refuse(proposal, room);
  }
  return true;
}

// Checkpoints and other control entries take no offset, so room that is made does not move it.
Status ReplicaGroup::CheckBaseOffset(const Proposal& proposal) const {
  const Offset next = log_->tail().next_offset;
  if (!proposal.options.base_offset || *proposal.options.base_offset == next) return Ok();
  return Fail(ErrorCode::kOffsetMismatch,
              fmt::format("expected to be appended at offset {}, found the end at {}",
                          proposal.options.base_offset->value(), next.value()));
}

void ReplicaGroup::ReleaseHeld() {
  if (transfer_) return;  // Whoever sent it is soon told where to go.
  while (proposals_.has_held()) {
    const bool leads = core_.status().role == RaftRole::kLeader;
    if (leads && !core_.IsAccepting()) break;
    Proposal held = proposals_.TakeHeld();
    if (!leads) {
      if (held.done) held.done(Fail(RefusedNotLeader()));
      continue;
    }
    if (Settle(held)) continue;
    proposals_.PutBack(std::move(held));
    break;
  }
  UpdateGauges();
}

void ReplicaGroup::Refuse(const Proposal& proposal, Room why) {
  if (why == Room::kFull) deps_.metrics.refused_disk_full.Add();
  if (!proposal.done) return;
  if (why == Room::kTooLarge) {
    return proposal.done(
        Fail(ErrorCode::kBatchTooLarge, fmt::format("no segment of {} takes {} bytes",
                                                    options_.log.directory, proposal.frame_bytes)));
  }
  proposal.done(Fail(ErrorCode::kDiskFull, WhyFull()));
}

std::string ReplicaGroup::WhyFull() const {
  if (!IsSpaceLow()) {
    return fmt::format("no space for the next segment of {}; free some, service resumes by itself",
                       options_.log.directory);
  }
  const DiskSpace& space = *options_.log.space;
  return fmt::format(
      "node {} has {} free bytes on the disk of {} (storage.disk_low): free some, service resumes "
      "by itself at {}",
      options_.self.value(), space.free_bytes.load(), options_.log.directory,
      space.resume_bytes.load());
}

// Who leads no more and does not know it lacks what its successors have stored, or dropped.
void ReplicaGroup::RefuseByState(Proposal proposal, Error why) {
  if (!proposal.done) return;
  ReadIndex([this, done = std::move(proposal.done),
             why = std::move(why)](const Result<Offset>& confirmed) {
    if (confirmed) return done(Fail(why));
    const bool drains = confirmed.error().code == ErrorCode::kDraining;
    done(Fail(drains ? confirmed.error() : RefusedNotLeader()));
  });
}

void ReplicaGroup::Append(Proposal proposal) {
  const Result<Index> index = core_.Propose(proposal.kind, proposal.frame_bytes);
  RAFTMQ_CHECK(index.has_value());
  proposed_.push_back(std::move(proposal));
  CarryOut({});
}

// In the order of the work orders (core/raft.h, Output). `received`: of the message just stepped.
void ReplicaGroup::CarryOut(const Received& received) {
  // Callbacks may propose again and come back here: each call has its own.
  Output output;
  core_.TakeOutput(&output);
  if (output.hard_state) log_->SaveHardState(*output.hard_state);
  if (output.reset) ResetLog(*received.base);
  if (output.truncate_after) CutBack(*output.truncate_after);
  staged_mark_ = output.mark;
  StageOwn(output.append);
  for (const Frame& entry : received.entries) {
    const Index index = entry.header.leader.index;
    if (index < output.received.first || index > output.received.last) continue;
    if (!CompareReceived(entry)) return;
    StageReceived(entry);
  }
  for (RaftMessage& message : output.messages) Send(std::move(message), {});
  TellHeartbeats();
  if (!output.reads.empty()) TakeReadStates(output.reads);
}

void ReplicaGroup::StageOwn(const std::vector<AppendedEntry>& entries) {
  if (entries.empty()) return;
  std::vector<Proposal> proposed = std::exchange(proposed_, {});
  auto next = proposed.begin();
  std::vector<Proposal> first_of_term;
  for (const AppendedEntry& entry : entries) {
    if (entry.kind == EntryKind::kNoOp) {
      first_of_term = FirstOfTerm();
      StageEntry(entry, std::move(first_of_term.front()));
      continue;
    }
    RAFTMQ_CHECK(next != proposed.end());
    StageEntry(entry, std::move(*next++));
  }
  RAFTMQ_CHECK(next == proposed.end());
  for (std::size_t i = 1; i < first_of_term.size(); ++i) Append(std::move(first_of_term[i]));
}

void ReplicaGroup::StageEntry(const AppendedEntry& entry, Proposal proposal) {
  const LogTail tail = log_->tail();
  RAFTMQ_CHECK(entry.index == tail.index.Next());
  const MutableByteSpan frame =
      proposal.buffer.span().subspan(proposal.frame_at, proposal.frame_bytes);
  const LeaderBlock block{.index = entry.index,
                          .term = entry.term,
                          .base_offset = tail.next_offset,
                          .append_time_ms = std::max(tail.append_time_ms, deps_.clock.WallNowMs()),
                          .committed_up_to = core_.status().commit,
                          .chain = tail.chain};
  StampBatch(frame, block, log_->group_seed());
  const Result<BatchHeader> header = ParseBatchHeader(frame);
  RAFTMQ_CHECK(header.has_value());

  const SharedBytes shared =
      SharedBytes(std::move(proposal.buffer)).Slice(proposal.frame_at, proposal.frame_bytes);
  state_.Append(*header, Frame{*header, shared}.payload());
  cache_.Add({.frame = shared,
              .index = entry.index,
              .base_offset = block.base_offset,
              .end_offset = header->end_offset()});
  log_->Stage(shared);
  CountStaged(shared.size());

  const Proposed proposed{entry.index, block.base_offset, block.append_time_ms};
  if (proposal.kind == EntryKind::kData) staged_proposals_.push_back(proposal.proposed_at);
  if (!proposal.done) return;
  if (proposal.options.in_memory) {
    proposal.done(proposed);
  } else {
    proposals_.Wait({proposed, std::move(proposal.done), proposal.proposed_at});
  }
}

void ReplicaGroup::CountStaged(std::size_t bytes) {
  ++staged_entries_;
  size_bytes_ += bytes;
  appended_bytes_ += bytes;
  deps_.live_traffic.Note(deps_.clock.SteadyNow());
}

}  // namespace raftmq
