#include "raftlog/opened_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/frames.h"

namespace raftmq {
namespace {

constexpr std::size_t kScanBytes = 4u << 20;

const DamagedRange* DamageAt(const std::vector<DamagedRange>& damage, Index index) {
  for (const DamagedRange& range : damage) {
    if (index >= range.first && index <= range.last) return &range;
  }
  return nullptr;
}

// The last readable entry before the next damaged range.
Index BeforeDamage(const std::vector<DamagedRange>& damage, Index from, Index up_to) {
  for (const DamagedRange& range : damage) {
    if (range.first > from) up_to = std::min(up_to, range.first.Minus(1));
  }
  return up_to;
}

Error Missing(Index next, Index last) {
  return {ErrorCode::kDataCorrupt,
          fmt::format("expected entry {} in a log up to {}, found none and no damage that names it",
                      next.value(), last.value())};
}

Status ScanEntries(OpenedLog* opened) {
  const PartitionLog& log = *opened->log;
  const Index last = log.bounds().last;
  Index next = opened->report.newest_checkpoint_index;
  while (next <= last) {
    if (const DamagedRange* const range = DamageAt(log.damage(), next)) {
      opened->state.Skip(next, range->last, range->end_offset);
      next = range->last.Next();
      continue;
    }
    const std::unique_ptr<LogRead> read =
        log.Read({.by = ReadFrom::By::kIndex, .value = next.value()},
                 BeforeDamage(log.damage(), next, last), kScanBytes);
    if (!read) return Fail(Missing(next, last));
    const Result<LogSlice> run = read->Run();
    if (!run && read->damage() != nullptr &&
        DamageAt(log.damage(), read->damage()->first) == nullptr) {
      opened->log->MarkDamaged(*read->damage());
      continue;
    }
    if (!run) return Fail(run.error());
    const LogSlice& slice = *run;
    if (slice.first != next || slice.last < next) return Fail(Missing(next, last));
    FrameCursor frames(slice.bytes);
    while (const auto frame = frames.Next()) opened->state.Append(frame->header, frame->payload());
    // Now, so that it need not remember how to undo what is final.
    opened->state.SetCommit(std::min(opened->report.commit_floor, slice.last));
    next = slice.last.Next();
  }
  return Ok();
}

// The first part of the checkpoint that opens the log says what stood before it. Term 0 if it
// cannot be read: then nobody's log can be continued from exactly there.
Term TermBeforeLog(const OpenedLog& opened) {
  const Index first = opened.log->bounds().first;
  if (opened.report.newest_checkpoint_index == first)
    return opened.report.newest_checkpoint.before.term;
  if (DamageAt(opened.log->damage(), first) != nullptr) return Term(0);
  const std::unique_ptr<LogRead> read =
      opened.log->Read({.by = ReadFrom::By::kIndex, .value = first.value()}, first, 1);
  if (!read) return Term(0);
  const Result<LogSlice> slice = read->Run();
  if (!slice || slice->first != first) return Term(0);
  const Result<Checkpoint> head = CheckpointHeadOf(FrameCursor(slice->bytes).Next()->payload());
  return head ? head->before.term : Term(0);
}

// Terms never fall along a log, so each run's end is found by halving. Files in which they fall
// were not written by this program: kDataCorrupt.
Result<std::vector<TermRun>> FindTermRuns(const PartitionLog& log) {
  const LogBounds bounds = log.bounds();
  std::vector<TermRun> runs;
  Index first = bounds.first;
  while (first <= bounds.last) {
    const Term term = *log.TermAt(first);
    const Term before = runs.empty() ? Term(0) : runs.back().term;
    if (!runs.empty() && term <= before)
      return Fail(ErrorCode::kDataCorrupt,
                  fmt::format("expected entry {} to have a term above {}, found {}", first.value(),
                              before.value(), term.value()));
    runs.push_back({first, term});
    Index low = first;                // Bears `term`.
    Index high = bounds.last.Next();  // Does not.
    while (low.Next() < high) {
      const Index middle = low.Plus((high.value() - low.value()) / 2);
      (*log.TermAt(middle) == term ? low : high) = middle;
    }
    first = high;
  }
  return runs;
}

}  // namespace

Result<std::unique_ptr<OpenedLog>> ScanOpenedLog(std::unique_ptr<PartitionLog> log,
                                                 RecoveryReport report) {
  auto opened = std::make_unique<OpenedLog>();
  opened->log = std::move(log);
  opened->report = std::move(report);
  RAFTMQ_TRY(LogState::CheckTables(opened->report.newest_checkpoint));
  const bool awaits_checkpoint =
      opened->report.base && opened->log->bounds().last < opened->report.base->checkpoint_last;
  opened->state = awaits_checkpoint ? LogState::BehindBase(opened->report.newest_checkpoint)
                                    : LogState(opened->report.newest_checkpoint);
  for (const PartitionLog::SegmentInfo& segment : opened->log->Segments()) {
    if (segment.first < opened->report.newest_checkpoint_index)
      opened->state.AddWholeRun(segment.first, segment.first_offset);
  }
  RAFTMQ_TRY(ScanEntries(opened.get()));
  const LogBounds bounds = opened->log->bounds();
  opened->state.SetRecordedCommit(opened->report.commit_floor);
  opened->state.SetCommit(opened->report.commit_floor);
  opened->state.SetDurable(bounds.durable);
  RAFTMQ_TRY_ASSIGN(std::vector<TermRun> runs, FindTermRuns(*opened->log));
  const Term before_term = TermBeforeLog(*opened);
  if (!runs.empty() && before_term > runs.front().term)
    return Fail(
        ErrorCode::kDataCorrupt,
        fmt::format("expected entry {} to have a term of at least {}, found {}",
                    runs.front().first.value(), before_term.value(), runs.front().term.value()));
  opened->raft = {.hard_state = opened->report.hard_state,
                  .runs = std::move(runs),
                  .last = bounds.last,
                  .before_term = before_term,
                  .commit = opened->report.commit_floor,
                  .memberships = opened->state.memberships()};
  opened->raft.knows_membership = opened->state.is_whole();
  for (const DamagedRange& range : opened->log->damage())
    opened->raft.damage.push_back({range.first, range.last, range.term_max});
  if (opened->report.base) opened->raft.base_checkpoint_last = opened->report.base->checkpoint_last;
  return opened;
}

}  // namespace raftmq
