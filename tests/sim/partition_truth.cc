#include "tests/sim/partition_truth.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "raftlog/core/quorum.h"
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
  if (entry.kind != EntryKind::kConfiguration) return;
  const auto membership = DecodeMembership(Frame{*header, frame}.payload());
  NoteMembership(record, index, *membership);
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
  if (first <= committed() && record.Holds(first, CommittedAt(first)))
    Broken("I-07", record, fmt::format("cuts the committed entry {}", first.value()));
  Reach(Mark::kCut);
  if (record.durable > last_kept) Reach(Mark::kCutDurable);
  std::uint64_t segments = 0;
  for (Index index = first; index <= record.last(); index = index.Next()) {
    const EntryKind kind = record.At(index).kind;
    if (kind == EntryKind::kNoOp) Reach(Mark::kNoOpLost);
    if (kind == EntryKind::kConfiguration) Reach(Mark::kCutMembership);
    if (kind == EntryKind::kCheckpoint) ++segments;
  }
  if (segments > 0) Reach(Mark::kCutCheckpoint);
  if (segments > 1) Reach(Mark::kCutManySegments);
  record.entries.resize(last_kept.value());
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
  const Term last_term = record.durable == Index(0) ? Term(0) : record.At(record.durable).term;
  if (std::max(record.durable_state.term, last_term) < message.term)
    Broken("I-02", record,
           fmt::format("sends term {} with {} durable", message.term.value(),
                       record.durable_state.term.value()));
  record.sent_term = std::max(record.sent_term, message.term);
  if (!request && !(reply && reply->is_granted)) return;
  const HardState vote{message.term, request ? record.id.node : message.to.node};
  if (record.durable_state.term == vote.term && record.durable_state.vote != vote.vote)
    Broken("I-02", record,
           fmt::format("votes for node {} in term {} with a vote for {} durable", vote.vote.value(),
                       vote.term.value(), record.durable_state.vote.value()));
  if (record.sent_vote.term == vote.term && record.sent_vote.vote != vote.vote)
    Broken("I-02", record, fmt::format("votes twice in term {}", vote.term.value()));
  record.sent_vote = vote;
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

bool PartitionTruth::IsMember(const ReplicaRecord& record) {
  return std::ranges::any_of(
      record.membership(), [&record](const Replica& replica) { return replica.id() == record.id; });
}

void PartitionTruth::Look(ReplicaRecord& record, const GroupStatus& status) {
  if (status.last != record.last())
    Broken("sim", record,
           fmt::format("the log ends at {}, its witness saw {}", status.last.value(),
                       record.last().value()));
  if (status.durable > record.durable)
    Broken("I-08", record,
           fmt::format("counts {} as durable, {} was synced", status.durable.value(),
                       record.durable.value()));
  if (status.is_leader) {
    const auto [leader, is_new] = leaders_.emplace(status.term, record.id.node);
    if (leader->second != record.id.node)
      Broken("I-01", record,
             fmt::format("leads in term {} like node {}", status.term.value(),
                         leader->second.value()));
    if (is_new) Elected(record, status.term);
  }
  if (record.is_leader && !status.is_leader) Reach(Mark::kLeaderSteppedDown);
  // A leader that has removed itself leads until that is committed.
  const bool leads = status.is_leader || (record.is_leader && !IsMember(record));
  record.is_leader = status.is_leader;
  if (status.commit != record.commit) Commits(record, status, leads);
}

// I-04: whoever takes office has all that was committed in earlier terms. The chain speaks for what
// is before.
void PartitionTruth::Elected(ReplicaRecord& record, Term term) {
  Reach(Mark::kElections);
  if (end() > Offset(0)) Reach(Mark::kElectionAfterCommit);
  if (record.memberships.back().index > record.commit) Reach(Mark::kElectionDuringConfigChange);
  const auto after = std::ranges::lower_bound(committed_in_, term);
  const Index last(static_cast<std::uint64_t>(after - committed_in_.begin()));
  if (last > Index(0) && !record.Holds(last, CommittedAt(last)))
    Broken("I-04", record,
           fmt::format("leads in term {} without entry {}, committed before", term.value(),
                       last.value()));
}

void PartitionTruth::Commits(ReplicaRecord& record, const GroupStatus& status, bool leads) {
  if (status.commit < record.commit)
    return Broken("I-07", record,
                  fmt::format("commit goes back from {} to {}", record.commit.value(),
                              status.commit.value()));
  if (status.commit > record.last()) return Broken("I-06", record, "commits what it has not");
  const bool is_first = status.commit > committed();
  // I-05, I-08: a leader commits what a majority holds, by an entry of its own term.
  if (is_first && !leads)
    Broken("I-06", record,
           fmt::format("the first to commit {}, and no leader", status.commit.value()));
  if (is_first && record.At(status.commit).term != status.term)
    Broken("I-05", record, fmt::format("commits {} of an older term", status.commit.value()));
  if (is_first && !IsHeldByMajority(record, status.commit))
    Broken("I-08", record,
           fmt::format("commits {}, which no majority has synced", status.commit.value()));
  for (Index index = record.commit.Next(); index <= status.commit; index = index.Next()) {
    if (index > committed()) {
      CommitsFirst(record, index, status.term);
    } else if (!record.Holds(index, CommittedAt(index))) {
      Broken("I-26", record, fmt::format("commits another entry {}", index.value()));
    }
  }
  record.commit = status.commit;
}

void PartitionTruth::CommitsFirst(ReplicaRecord& record, Index index, Term term) {
  const EntryId& entry = record.At(index);
  committed_.push_back(entry);
  committed_in_.push_back(term);
  for (const MembershipAt& at : record.memberships) {
    if (at.index == index) memberships_.push_back(at.membership);
  }
  if (entry.kind != EntryKind::kData) return;
  SentBatches::Batch* const batch = sent.Find(entry.payload_hash);
  if (batch == nullptr) return Broken("phantom", record, "commits a batch that nobody sent");
  if (++batch->stored == 2) Reach(Mark::kDuplicates);
  if (batch->was_unknown) Reach(Mark::kUnknownCommitted);
  if (SentBatches::IsStoredTooOften(*batch))
    Broken("I-34", record, "commits a batch once more than it was sent, or though it was refused");
}

bool PartitionTruth::IsHeldByMajority(const ReplicaRecord& leader, Index index) const {
  std::size_t voters = 0;
  std::size_t holders = 0;
  for (const Replica& replica : leader.membership()) {
    if (!replica.voter) continue;
    ++voters;
    const auto found = placements.find(replica.node);
    if (found == placements.end() || found->second.record.id != replica.id()) continue;
    if (found->second.record.HoldsDurably(index, leader.At(index))) ++holders;
  }
  return holders >= QuorumOf(voters);
}

// I-15, I-26, I-30: an ack names where its batch stands for ever.
void PartitionTruth::Acked(const Proposed& proposed, std::uint64_t payload_hash) {
  Reach(Mark::kAcks);
  const ReplicaRecord nobody;
  if (proposed.index > committed())
    return Broken("I-15", nobody,
                  fmt::format("{} is acked but not committed", proposed.index.value()));
  const EntryId& entry = CommittedAt(proposed.index);
  if (entry.payload_hash != payload_hash || entry.base != proposed.base_offset)
    Broken("I-26", nobody,
           fmt::format("another batch stands where {} is acked", proposed.index.value()));
}

// I-28: only what is committed is served.
void PartitionTruth::Served(const BatchHeader& header) {
  const ReplicaRecord nobody;
  if (header.leader.index > committed())
    return Broken("I-28", nobody,
                  fmt::format("{} is served but not committed", header.leader.index.value()));
  if (!(CommittedAt(header.leader.index) == EntryId::Of(header)))
    Broken("I-26", nobody, fmt::format("another entry {} is served", header.leader.index.value()));
}

Index PartitionTruth::IndexOf(Offset offset) const {
  const auto found = std::ranges::upper_bound(committed_, offset, {}, &EntryId::end);
  return Index(static_cast<std::uint64_t>(found - committed_.begin()) + 1);
}

bool PartitionTruth::Names(ReplicaId id) const {
  const auto names = [id](const Membership& members) {
    return std::ranges::any_of(members, [id](const Replica& r) { return r.id() == id; });
  };
  return names(membership()) || std::ranges::any_of(placements, [&names](const auto& placed) {
           const auto& known = placed.second.record.memberships;
           return !known.empty() && names(known.back().membership);
         });
}

// What the turns of single replicas do not show.
void PartitionTruth::LookAtAll() {
  std::size_t leaders = 0;
  for (const auto& [node, placement] : placements) {
    const ReplicaRecord& record = placement.record;
    if (record.is_leader) ++leaders;
    if (record.commit > Index(0) && !record.Holds(record.commit, CommittedAt(record.commit)))
      Broken("I-26", record,
             fmt::format("holds another committed entry {}", record.commit.value()));
  }
  if (leaders > 1) Reach(Mark::kTwoLeaders);
}

}  // namespace raftmq::sim
