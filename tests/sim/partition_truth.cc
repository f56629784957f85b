#include "tests/sim/partition_truth.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "raftlog/frames.h"
#include "raftlog/membership_entry.h"
#include "segment/checkpoint.h"

namespace raftmq::sim {

void PartitionTruth::Broken(const std::string& rule, const ReplicaRecord& record,
                            const std::string& text) {
  verdict_.Broken(
      rule, fmt::format("partition {}, node {}, replica {}: {}", founding.group.partition.value(),
                        record.id.node.value(), record.id.number.value(), text));
}

// I-03: same index and term, same bytes, and by the chain the same log before it.
void PartitionTruth::Note(ReplicaRecord& record, Index index, const EntryId& entry) {
  if (known_.size() < index.value()) known_.resize(index.value());
  std::vector<EntryId>& known = known_[index.value() - 1];
  const auto found = std::ranges::find(known, entry.term, &EntryId::term);
  if (found == known.end()) {
    known.push_back(entry);
  } else if (!(*found == entry)) {
    Broken("I-03", record,
           fmt::format("another entry {} of term {} exists", index.value(), entry.term.value()));
  }
}

void PartitionTruth::Staged(ReplicaRecord& record, const SharedBytes& frame) {
  const Result<BatchHeader> header = ParseBatchHeader(frame.view());
  const Index index = record.last().Next();
  const EntryId entry = EntryId::Of(*header);
  if (header->leader.index != index || header->leader.chain != record.entries.back().hash)
    Broken("I-03", record, fmt::format("entry {} does not follow its log", index.value()));
  Note(record, index, entry);
  record.entries.push_back(entry);
  if (entry.kind == EntryKind::kCheckpoint) Reach(Mark::kRolls);
  const ByteSpan payload = Frame{*header, frame}.payload();
  KeepContent(*header, payload);
  if (entry.kind != EntryKind::kConfiguration) return;
  const auto membership = DecodeMembership(payload);
  NoteMembership(record, index, *membership);
}

void PartitionTruth::KeepContent(const BatchHeader& header, ByteSpan payload) {
  const auto [content, is_new] = contents_.try_emplace(header.header_hash, Content{header, {}});
  const EntryKind kind = header.producer.kind;
  const bool is_short = kind == EntryKind::kSession || kind == EntryKind::kLogStart ||
                        kind == EntryKind::kConfiguration || header.producer.has_message_id;
  if (is_new && is_short) content->second.payload.assign(payload.begin(), payload.end());
}

void PartitionTruth::NoteMembership(ReplicaRecord& record, Index index,
                                    const Membership& membership) {
  if (record.is_leader) CheckOneChange(record, index);
  record.memberships.push_back({index, membership});
}

// I-10: one change at a time, and none before the leader's own term has a committed entry.
void PartitionTruth::CheckOneChange(const ReplicaRecord& record, Index index) {
  const Index pending = record.memberships.back().index;
  if (pending > record.commit)
    Broken("I-10", record,
           fmt::format("membership {} proposed while {} is not committed", index.value(),
                       pending.value()));
  if (record.At(record.commit).term != record.At(index).term)
    Broken("I-10", record, "membership proposed before the first commit of its term");
}

// I-07: nothing that is committed anywhere is ever removed from the tail.
void PartitionTruth::Cut(ReplicaRecord& record, Index last_kept) {
  const Index first = last_kept.Next();
  // Of who has said nothing in the term in which an entry was committed nobody has counted it, and
  // an older leader may still replace it (Raft paper, figure 8).
  const Term term = std::max(record.durable_state.term, record.sent_term);
  for (Index index = first; index <= std::min(committed(), record.last()); index = index.Next()) {
    const bool is_counted = committed_in_[index.value() - 1] <= term;
    if (is_counted && record.Holds(index, CommittedAt(index)) && !record.IsDamagedAt(index))
      Broken("I-07", record, fmt::format("cuts the committed entry {}", index.value()));
  }
  Reach(Mark::kCut);
  if (record.durable > last_kept) Reach(Mark::kCutDurable);
  std::uint64_t segments = 0;
  for (Index index = first; index <= record.last(); index = index.Next()) {
    const EntryKind kind = record.At(index).kind;
    if (kind == EntryKind::kNoOp) Reach(Mark::kNoOpLost);
    if (kind == EntryKind::kConfiguration) Reach(Mark::kCutMembership);
    if (kind == EntryKind::kCheckpoint) ++segments;
    if (kind != EntryKind::kSession) continue;
    const SessionEntry said = SessionEntryIn(record.At(index));
    if (std::holds_alternative<SessionOpening>(said)) Reach(Mark::kOpeningCut);
    if (std::holds_alternative<SessionRepeat>(said)) Reach(Mark::kRepeatCut);
  }
  if (segments > 0) Reach(Mark::kCutCheckpoint);
  if (segments > 1) Reach(Mark::kCutManySegments);
  KeepsPromise(record, last_kept);
  record.entries.resize(last_kept.value());
  record.been_through = Mark::kStateAfterCut;
  record.durable = std::min(record.durable, last_kept);
  while (record.memberships.back().index > last_kept) record.memberships.pop_back();
}

// I-02: a term or a vote leaves only once it is durable.
void PartitionTruth::Sends(ReplicaRecord& record, const RaftMessage& message) {
  const auto* const request = std::get_if<VoteRequest>(&message.body);
  const auto* const reply = std::get_if<VoteReply>(&message.body);
  if (request && !memberships_.empty() && !Names(record.id)) Reach(Mark::kRemovedCampaigned);
  const bool is_pre_vote = (request && request->is_pre_vote) || (reply && reply->is_pre_vote);
  if (is_pre_vote) return;  // Its term may be one to come.
  CheckIdentity(record, message);
  if (const auto* const ack = std::get_if<AppendReply>(&message.body)) CheckAck(record, *ack);
  const Term last_term = record.durable == Index(0) ? Term(0) : record.At(record.durable).term;
  if (std::max(record.durable_state.term, last_term) < message.term)
    Broken("I-02", record,
           fmt::format("sends term {} with {} durable", message.term.value(),
                       record.durable_state.term.value()));
  record.sent_term = std::max(record.sent_term, message.term);
  if (!request && !(reply && reply->is_granted)) return;
  if (reply) CheckVote(record, message);
  const HardState vote{message.term, request ? record.id.node : message.to.node};
  if (record.durable_state.term == vote.term && record.durable_state.vote != vote.vote)
    Broken("I-02", record,
           fmt::format("votes for node {} in term {} with a vote for {} durable", vote.vote.value(),
                       vote.term.value(), record.durable_state.vote.value()));
  if (record.sent_vote.term == vote.term && record.sent_vote.vote != vote.vote)
    Broken("I-02", record, fmt::format("votes twice in term {}", vote.term.value()));
  record.sent_vote = vote;
}

// I-11: who votes or acks has the durable state of the replica in whose name it does.
void PartitionTruth::CheckIdentity(const ReplicaRecord& record, const RaftMessage& message) {
  const auto* const vote = std::get_if<VoteReply>(&message.body);
  const bool counts = std::holds_alternative<VoteRequest>(message.body) ||
                      std::holds_alternative<AppendReply>(message.body) ||
                      (vote && vote->is_granted);
  if (!counts) return;
  if (message.from != record.id)
    Broken("I-11", record, fmt::format("votes or acks as replica {}", message.from.number.value()));
  if (ended_.contains(message.from))
    Broken("I-11", record, "votes or acks in the name of one whose durable state is gone");
}

ReplicaNumber PartitionTruth::EndedOn(NodeId node) const {
  const auto found = std::ranges::find(ended_, node, &ReplicaId::node);
  return found == ended_.end() ? ReplicaNumber(0) : found->number;
}

// I-12: learners and removed replicas never campaign; one that is still a voter by the membership
// that is known to be committed, or by any after it, may have to (thesis, section 4.2.2).
void PartitionTruth::Saves(ReplicaRecord& record, const HardState& state) {
  record.staged_state = state;
  if (state.vote != record.id.node) return;
  const auto is_self = [&record](const Replica& replica) {
    return replica.id() == record.id && replica.voter;
  };
  for (auto at = record.memberships.rbegin(); at != record.memberships.rend(); ++at) {
    if (std::ranges::any_of(at->membership, is_self)) return;
    if (at->index <= record.commit) break;
  }
  Broken("I-12", record, "votes for itself though it is no voter");
}

}  // namespace raftmq::sim
