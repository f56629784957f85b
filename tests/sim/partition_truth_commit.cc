// Who leads, what is committed, and what clients are told of it.
#include <fmt/format.h>

#include <algorithm>

#include "raftlog/core/quorum.h"
#include "tests/sim/partition_truth.h"

namespace raftmq::sim {

bool PartitionTruth::IsMember(const ReplicaRecord& record) {
  return std::ranges::any_of(
      record.membership(), [&record](const Replica& replica) { return replica.id() == record.id; });
}

void PartitionTruth::Look(ReplicaRecord& record, const GroupStatus& status) {
  if (status.last != record.last())
    Broken("sim", record,
           fmt::format("the log ends at {}, its witness saw {}", status.last.value(),
                       record.last().value()));
  // What lies before the log's first entry is committed: nobody is misled.
  if (status.durable >= record.first && status.durable > record.durable)
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
  // It may have committed and stepped down since it was seen: to open its log again, or removed.
  // While it opens its log again it does not show that it leads.
  const bool leads = status.is_leader || record.is_leader || status.needs_reopening;
  record.is_leader = status.is_leader;
  if (status.commit != record.commit) Commits(record, status, leads);
  CheckStart(record, status);
}

// I-04: whoever takes office has all that was committed in earlier terms. The chain speaks for what
// is before.
void PartitionTruth::Elected(ReplicaRecord& record, Term term) {
  Reach(Mark::kElections);
  if (end() > Offset(0)) Reach(Mark::kElectionAfterCommit);
  if (record.was_reset) Reach(Mark::kResetLed);
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
  ReplayCommitted(index);
  for (const MembershipAt& at : record.memberships) {
    if (at.index == index) memberships_.push_back(at);
  }
  if (entry.kind == EntryKind::kLogStart) CommitsStart(record, index, entry);
  if (entry.kind == EntryKind::kSession) CommitsSession(record, entry);
  if (entry.kind != EntryKind::kData && entry.kind != EntryKind::kCommand) return;
  if (ContentOf(entry).header.producer.has_message_id) CommitsMessageId(record, entry);
  SentBatches::Batch* const batch = sent.Find(entry.payload_hash);
  if (batch == nullptr) return Broken("phantom", record, "commits a batch that nobody sent");
  if (++batch->stored == 2) Reach(Mark::kDuplicates);
  if (batch->session != SessionId(0)) CommitsOnce(record, entry, *batch);
  if (batch->was_unknown) Reach(Mark::kUnknownCommitted);
  // A command that was passed on to the leader may have been doubled on its way.
  if (entry.kind == EntryKind::kData && SentBatches::IsStoredTooOften(*batch))
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
  const bool has_offset = entry.kind == EntryKind::kData;
  if (entry.payload_hash != payload_hash || (has_offset && entry.base != proposed.base_offset))
    Broken("I-26", nobody,
           fmt::format("another batch stands where {} is acked", proposed.index.value()));
}

// I-23: every replica makes the same of the same log, whether it saw all of it or began with a
// checkpoint, and sees each command once.
void PartitionTruth::Applied(const ReplicaRecord& record, const StateMachine::Step& step) {
  if (step.index > committed())
    return Broken("I-28", record,
                  fmt::format("applies {}, which is not committed", step.index.value()));
  const auto [known, is_new] = states_.emplace(step.index, step.hash);
  if (known->second != step.hash)
    Broken("I-23", record,
           fmt::format("makes another state of the log up to {}", step.index.value()));
  if (step.is_restored || step.index == Index(0)) return;
  Reach(Mark::kApplied);
  if (step.index <= step.before)
    Broken("I-23", record, fmt::format("applies {} again", step.index.value()));
  for (Index index = step.before.Next(); index < step.index; index = index.Next()) {
    if (CommittedAt(index).kind == EntryKind::kCommand)
      Broken("I-23", record, fmt::format("does not apply {}", index.value()));
  }
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

bool PartitionTruth::IsThere(const Replica& replica) const {
  const auto placed = placements.find(replica.node);
  return placed != placements.end() && placed->second.IsWhole() &&
         placed->second.record.id == replica.id();
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

// I-14: who hears no majority for some looks of CheckQuorum leads no more.
void PartitionTruth::Ticked(ReplicaRecord& record, const GroupStatus& status,
                            std::uint64_t patience) {
  ++record.ticks;
  if (!status.is_leader || HearsMajority(record, patience)) {
    record.lonely_since = record.ticks;
  } else if (record.ticks - record.lonely_since > patience) {
    Broken("I-14", record, fmt::format("leads on after {} ticks without a majority", 2 * patience));
  }
}

bool PartitionTruth::HearsMajority(ReplicaRecord& record, std::uint64_t patience) {
  std::size_t voters = 0;
  std::size_t heard = 0;
  for (const Replica& replica : record.membership()) {
    if (!replica.voter) continue;
    ++voters;
    if (replica.id() == record.id || record.ticks - record.heard[replica.node] <= patience) ++heard;
  }
  return heard >= QuorumOf(voters);
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
