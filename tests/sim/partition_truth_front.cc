// The front of the logs: where they begin, what goes, and followers that are reset to it.
#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/partition_truth.h"

namespace raftmq::sim {

Membership PartitionTruth::MembershipUpTo(Index index) const {
  const auto after = std::ranges::upper_bound(memberships_, index, {}, &MembershipAt::index);
  return std::prev(after)->membership;
}

Offset PartitionTruth::StartIn(const EntryId& entry) const {
  return Offset(LoadLittleEndian<std::uint64_t>(ContentOf(entry).payload.data()));
}

// I-23: the log start only grows, and nothing is cut off that is not committed.
void PartitionTruth::CommitsStart(const ReplicaRecord& record, Index index, const EntryId& entry) {
  const Offset start = std::max(log_start(), StartIn(entry));
  if (start > end())
    Broken("I-23", record,
           fmt::format("entry {} moves the log start to {}, beyond the end {}", index.value(),
                       start.value(), end().value()));
  if (start > log_start()) Reach(Mark::kStartMoved);
  starts_.emplace_back(index, start);
}

// I-23: the same log start on all replicas that have committed the same, or where the files begin.
void PartitionTruth::CheckStart(const ReplicaRecord& record, const GroupStatus& status) {
  const auto after =
      std::ranges::upper_bound(starts_, record.commit, {}, &std::pair<Index, Offset>::first);
  Offset expected = after == starts_.begin() ? Offset(0) : std::prev(after)->second;
  if (record.first > Index(1))
    expected = std::max(expected, CommittedAt(Index(record.first.value() - 1)).end);
  // It may stand in an entry that could not be read when its log was opened: that is made good by
  // the next opening, later than the entry itself.
  if (record.began_damaged && status.log_start < expected) return;
  if (status.log_start != expected)
    Broken("I-23", record,
           fmt::format("its log start is {}, expected {} at commit {}", status.log_start.value(),
                       expected.value(), record.commit.value()));
}

// I-23: only what is committed goes from the front.
void PartitionTruth::Trimmed(ReplicaRecord& record, Index first) {
  if (first == record.first) return;
  if (first > committed().Next() || first < record.first)
    Broken("I-23", record,
           fmt::format("its log begins at {} after {}, committed is {}", first.value(),
                       record.first.value(), committed().value()));
  Reach(Mark::kSegmentsDeleted);
  BeginsAt(record, first);  // Damage before it may come back until its file has gone.
}

// I-07: a reset is obeyed only to what is committed, and only by who has not got that far: of a
// damaged entry above its commit nobody can tell whether it is the leader's.
void PartitionTruth::Reset(ReplicaRecord& record, const LogBase& base) {
  Reach(Mark::kReset);
  const Index last = base.before.index;
  if (last > committed() || CommittedAt(last).hash != base.before.chain)
    return Broken("I-07", record, fmt::format("is reset to {}, not committed", last.value()));
  if (last <= record.commit)
    Broken("I-07", record,
           fmt::format("is reset to {} with {} committed", last.value(), record.commit.value()));
  if (record.Holds(last, CommittedAt(last)) && !record.IsDamagedAt(last))
    Broken("I-07", record, fmt::format("is reset to {}, which it holds", last.value()));
  if (base.membership != MembershipUpTo(last))
    Broken("I-10", record, fmt::format("is reset to {} with another membership", last.value()));
  // Until that is durable, a crash may bring back what it had, damage included.
  const std::vector<DamagedEntries> damaged = record.damaged;
  KeepsPromise(record, Index(0));
  record.damaged = damaged;
  while (record.durable > Index(0) &&
         !record.Holds(record.durable, CommittedAt(std::min(record.durable, last))))
    record.durable = Index(record.durable.value() - 1);
  record.entries.assign(committed_.begin(),
                        committed_.begin() + static_cast<std::ptrdiff_t>(last.value()));
  record.memberships.assign(1, {last, base.membership});
  BeginsAt(record, last.Next());
  record.was_reset = true;
  record.been_through = Mark::kStateAfterReset;
}

void PartitionTruth::BeginsAt(ReplicaRecord& record, Index first) {
  record.first = first;
  not_missed_before_ = std::max(not_missed_before_, first);
}

// What an opened log has no entries for any more is as it was committed.
void PartitionTruth::FillFront(ReplicaRecord& record, const OpenedLog& opened) {
  BeginsAt(record, opened.log->bounds().first);
  record.was_reset = opened.report.base.has_value();
  if (record.first == Index(1)) return;
  const Index before(record.first.value() - 1);
  if (before > committed())
    return Broken(
        "I-23", record,
        fmt::format("begins at {}, committed is {}", record.first.value(), committed().value()));
  record.entries.assign(committed_.begin(),
                        committed_.begin() + static_cast<std::ptrdiff_t>(before.value()));
  record.memberships.push_back({before, MembershipUpTo(before)});
  if (record.first > opened.log->bounds().last) Reach(Mark::kResetInterrupted);
}

}  // namespace raftmq::sim
