// What a replica must still have when its log is opened again after a crash.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "raftlog/frames.h"
#include "raftlog/membership_entry.h"
#include "segment/checkpoint.h"
#include "tests/sim/partition_truth.h"

namespace raftmq::sim {
namespace {

constexpr std::size_t kReadBytes = 1u << 20;

std::string NotesOf(const OpenedLog& opened) {
  std::string notes;
  for (const std::string& note : opened.notes()) notes += "\n  recovery: " + note;
  return notes;
}

std::uint64_t CountNotes(const OpenedLog& opened, std::string_view begin) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      opened.notes(), [begin](const std::string& note) { return note.starts_with(begin); }));
}

}  // namespace

void PartitionTruth::Opened(Placement& placement, const OpenedLog& opened) {
  ReplicaRecord& record = placement.record;
  placement.is_founded = true;
  // Founded anew though it was lost, which only mutants do: what it says will tell (I-11).
  if (placement.is_lost) record = {.id = record.id};
  ReplicaRecord now;
  now.id = record.id;
  now.sent_term = record.sent_term;
  now.sent_vote = record.sent_vote;
  now.promised_term = record.promised_term;
  now.promised = record.promised;
  now.damaged = record.damaged;
  now.may_be_lost = record.may_be_lost;
  if (record.is_repairing) Reach(Mark::kRepairInterrupted);
  if (!opened.report.damage.empty()) Reach(Mark::kDamageAtRecovery);
  now.awaits_group = true;
  now.began_damaged = !opened.log->damage().empty();
  FillFront(now, opened);
  ReadInto(record, opened, &now);
  if (verdict_.is_broken()) return;
  now.durable = now.last();  // Recovery syncs what it has read.
  now.staged_state = now.durable_state = opened.raft.hard_state;
  now.been_through = Mark::kStateAfterRestart;
  now.found_unsynced = record.durable > Index(0) && now.last() > record.durable;
  CheckKept(record, now);
  CheckPromises(now);
  if (committed_.empty()) {  // Index 1 is committed by the founding itself.
    committed_.push_back(now.entries.front());
    committed_in_.push_back(Term(0));
    memberships_.push_back({Index(1), now.membership()});
    BeginReplay();
  }
  now.commit = Index(std::min<std::uint64_t>(opened.raft.commit.value(), committed_.size()));
  Reach(Mark::kTornTail, CountNotes(opened, "cut '") + CountNotes(opened, "cleared '"));
  Reach(Mark::kEmptyRollUndone, CountNotes(opened, "removed '"));
  Reach(Mark::kCutFinished, CountNotes(opened, "finished the cut"));
  Reach(Mark::kResetFinished, CountNotes(opened, "finished the reset"));
  Reach(Mark::kStateCopyRepaired,
        CountNotes(opened, "repaired one of two copies of the term and vote"));
  record = std::move(now);
}

// Every entry of a log, verified on its way; what is damaged is taken as it was.
void PartitionTruth::ReadInto(const ReplicaRecord& before, const OpenedLog& opened,
                              ReplicaRecord* now) {
  const PartitionLog& log = *opened.log;
  std::vector<DamagedRange> damage = opened.report.damage;
  while (now->last() < log.bounds().last && !verdict_.is_broken()) {
    const Index next = now->last().Next();
    const auto known = std::ranges::find_if(
        damage, [next](const DamagedRange& range) { return range.last >= next; });
    if (known != damage.end() && known->first <= next) {
      CheckDamage(before, *known, opened);
      now->damaged.push_back({next, known->last});
      FillDamaged(before, *known, now);
      continue;
    }
    const Index up_to = known == damage.end() ? log.bounds().last : known->first.Minus(1);
    const auto read =
        log.Read({.by = ReadFrom::By::kIndex, .value = next.value()}, up_to, kReadBytes);
    if (!read) return Broken("I-16", before, fmt::format("no read from {} on", next.value()));
    const Result<LogSlice> slice = read->Run();
    if (slice && slice->first == next && slice->last >= next) {
      FrameCursor cursor(slice->bytes);
      while (const auto frame = cursor.Next()) TakeFrame(*frame, opened, now);
      continue;
    }
    // Recovery does not look at all that lies before the mark: this is found by whoever reads it.
    const DamagedRange* const found = read->damage();
    if (found == nullptr || found->first != next)
      return Broken(
          "I-16", before,
          fmt::format("entry {} cannot be read: {}{}", next.value(),
                      slice ? "others come back" : slice.error().ToString(), NotesOf(opened)));
    damage.insert(known, *found);
  }
}

void PartitionTruth::TakeFrame(const Frame& frame, const OpenedLog& opened, ReplicaRecord* now) {
  const Index index = now->last().Next();
  if (frame.header.leader.index != index)
    return Broken("I-16", *now,
                  fmt::format("expected entry {} after recovery, found {}{}", index.value(),
                              frame.header.leader.index.value(), NotesOf(opened)));
  if (!now->entries.empty() && frame.header.leader.chain != now->entries.back().hash)
    Broken("I-03", *now, fmt::format("entry {} does not follow its log", index.value()));
  KeepContent(frame.header, frame.payload());
  if (index == Index(1))
    now->memberships.push_back({index, CheckpointHeadOf(frame.payload())->membership});
  Took(index, EntryId::Of(frame.header), now);
}

void PartitionTruth::Took(Index index, const EntryId& entry, ReplicaRecord* now) {
  Note(*now, index, entry);
  now->entries.push_back(entry);
  if (entry.kind == EntryKind::kConfiguration)
    now->memberships.push_back({index, *DecodeMembership(ContentOf(entry).payload)});
}

// I-16: only what was damaged, or what had been promised by others and was never synced here.
void PartitionTruth::CheckDamage(const ReplicaRecord& before, const DamagedRange& range,
                                 const OpenedLog& opened) {
  // Of two damages, one of them a page in the wrong place, that page may be taken for the right
  // one.
  if (MayForget()) return;
  for (Index index = range.first; index <= range.last; index = index.Next()) {
    // A missing file that was let go is missing again until both copies of `meta` tell so.
    const bool was_let_go = index < before.first;
    if (was_let_go || before.IsDamagedAt(index) || index > before.durable) continue;
    return Broken(
        "I-16", before,
        fmt::format("entry {} is named damaged: {}{}", index.value(), range.what, NotesOf(opened)));
  }
  if (range.last > before.durable) Reach(Mark::kNeverArrived);
}

// By the chain from what stands behind it, or else by what the replica had.
void PartitionTruth::FillDamaged(const ReplicaRecord& before, const DamagedRange& range,
                                 ReplicaRecord* now) {
  const Index first = now->last().Next();
  std::vector<EntryId> entries;
  std::uint64_t hash = range.last_hash;
  for (Index index = range.last; index >= first && hash != 0; index = index.Minus(1)) {
    if (known_.size() < index.value()) break;
    const auto& known = known_[index.value() - 1];
    const auto found = std::ranges::find(known, hash, &EntryId::hash);
    if (found == known.end()) break;
    entries.push_back(*found);
    const auto content = contents_.find(hash);
    hash = content == contents_.end() ? 0 : content->second.header.leader.chain;
  }
  std::ranges::reverse(entries);
  if (entries.size() != range.last.value() - now->last().value()) {
    entries.clear();
    for (Index index = first; index <= std::min(range.last, before.last()); index = index.Next())
      entries.push_back(before.At(index));
  }
  if (entries.size() != range.last.value() - now->last().value())
    return Broken(
        "sim", before,
        fmt::format("what stood at {} to {} is not known", first.value(), range.last.value()));
  for (const EntryId& entry : entries) {
    const Index index = now->last().Next();
    if (index == Index(1)) now->memberships.push_back({index, memberships_.front().membership});
    Took(index, entry, now);
  }
}

// I-15, I-16: what was synced is still there, unless it was cut on purpose.
void PartitionTruth::CheckKept(const ReplicaRecord& before, const ReplicaRecord& after) {
  const Index last = before.durable;
  if (last > Index(0) && !after.Holds(last, before.At(last)))
    Broken("I-16", before,
           fmt::format("entry {} was synced and is gone: the log ends at {}", last.value(),
                       after.last().value()));
  if (after.found_unsynced) Reach(Mark::kUnsyncedSurvived);
  if (after.last() < before.last()) Reach(Mark::kUnsyncedLost);
}

// I-02: terms and votes that others have seen are remembered.
void PartitionTruth::CheckPromises(const ReplicaRecord& record) {
  const Term last_term = record.entries.empty() ? Term(0) : record.entries.back().term;
  const HardState& state = record.durable_state;
  if (std::max(state.term, last_term) < record.sent_term)
    Broken("I-02", record,
           fmt::format("it sent term {} and remembers {}", record.sent_term.value(),
                       state.term.value()));
  if (state.term < record.sent_vote.term ||
      (state.term == record.sent_vote.term && state.vote != record.sent_vote.vote))
    Broken("I-02", record,
           fmt::format("it voted for node {} in term {} and remembers {} in {}",
                       record.sent_vote.vote.value(), record.sent_vote.term.value(),
                       state.vote.value(), state.term.value()));
  if (state.vote != NodeId(0) && state.term > record.sent_vote.term) Reach(Mark::kVoteUnsent);
}

}  // namespace raftmq::sim
