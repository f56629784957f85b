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

// Every entry of a log, verified on its way.
Result<std::vector<Frame>> ReadAll(const PartitionLog& log) {
  std::vector<Frame> frames;
  const LogBounds bounds = log.bounds();
  Index next = bounds.first;
  while (next <= bounds.last) {
    const auto read =
        log.Read({.by = ReadFrom::By::kIndex, .value = next.value()}, bounds.last, kReadBytes);
    if (!read) return Fail(ErrorCode::kNotFound, fmt::format("no read from {} on", next.value()));
    RAFTMQ_TRY_ASSIGN(const LogSlice slice, read->Run());
    if (slice.first != next || slice.last < next)
      return Fail(ErrorCode::kNotFound,
                  fmt::format("expected entries from {} on, found {} to {}", next.value(),
                              slice.first.value(), slice.last.value()));
    FrameCursor cursor(slice.bytes);
    while (auto frame = cursor.Next()) frames.push_back(std::move(*frame));
    next = slice.last.Next();
  }
  return frames;
}

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
  CheckUndamaged(record, opened);
  ReplicaRecord now;
  now.id = record.id;
  now.sent_term = record.sent_term;
  now.sent_vote = record.sent_vote;
  FillFront(now, opened);
  const auto frames = ReadAll(*opened.log);
  if (!frames) return Broken("I-16", record, frames.error().ToString() + NotesOf(opened));
  for (const Frame& frame : *frames) {
    const Index index = now.last().Next();
    const EntryId entry = EntryId::Of(frame.header);
    if (frame.header.leader.index != index)
      return Broken("I-16", record,
                    fmt::format("expected entry {} after recovery, found {}{}", index.value(),
                                frame.header.leader.index.value(), NotesOf(opened)));
    if (!now.entries.empty() && frame.header.leader.chain != now.entries.back().hash)
      Broken("I-03", record, fmt::format("entry {} does not follow its log", index.value()));
    Note(record, index, entry);
    now.entries.push_back(entry);
    if (index == Index(1)) {
      now.memberships.push_back({index, CheckpointHeadOf(frame.payload())->membership});
    } else if (entry.kind == EntryKind::kConfiguration) {
      now.memberships.push_back({index, *DecodeMembership(frame.payload())});
    }
  }
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

// I-16: nothing decays here, so what is missing was never synced, and nobody may call it damage.
void PartitionTruth::CheckUndamaged(const ReplicaRecord& record, const OpenedLog& opened) {
  if (opened.report.damage.empty()) return;
  Broken("I-16", record,
         fmt::format("entry {} is named damaged{}", opened.report.damage.front().first.value(),
                     NotesOf(opened)));
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
