// Fetch and lookup by time: committed data only, from the tail cache or the files.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "raftlog/replica_group.h"

namespace raftmq {
namespace {

Status CompareTerm(Offset offset, Term term_before, ByteSpan batch) {
  const Result<BatchHeader> header = ParseBatchHeader(batch);
  if (!header || header->leader.term == term_before) return Ok();
  return Fail(
      ErrorCode::kPositionDiverged,
      fmt::format("expected term {} in the batch before offset {}, found term {} in that of "
                  "offsets {} to {}",
                  term_before.value(), offset.value(), header->leader.term.value(),
                  header->leader.base_offset.value(), header->end_offset().value()));
}

// Where the end is known as a lower bound only, what is served may lie above it.
FetchSlice WithEnd(FetchSlice slice) {
  slice.end = std::max(slice.end, slice.next_offset);
  return slice;
}

}  // namespace

void ReplicaGroup::Fetch(Offset offset, std::size_t bytes_max, FetchDone done) {
  if (const Status readable = CheckReadable(offset); !readable) {
    if (readable.error().code != ErrorCode::kOffsetBeyondEnd) return done(Fail(readable.error()));
    return ConfirmBeyondEnd(offset, bytes_max, std::move(done));
  }
  FetchSlice slice = EmptySlice(offset);
  if (offset == slice.end) return done(std::move(slice));
  if (FetchFromCache(offset, bytes_max, &slice)) {
    deps_.metrics.fetches_from_cache.Add();
    return done(WithEnd(std::move(slice)));
  }
  reader_.Read(offset, ReadableUpTo(), bytes_max,
               [this, done = std::move(done)](Result<DataRun> run) {
                 if (!run) return done(Fail(AsRetriable(std::move(run).error())));
                 FetchSlice read = EmptySlice(run->next_offset);
                 read.batches = std::move(run->batches);
                 done(WithEnd(std::move(read)));
               });
}

// Who was deposed and does not know it yet has an end that others have left behind: only who still
// leads can say that there is nothing.
void ReplicaGroup::ConfirmBeyondEnd(Offset offset, std::size_t bytes_max, FetchDone done) {
  ReadIndex([this, offset, bytes_max, done = std::move(done)](const Result<Offset>& end) {
    if (!end) return done(Fail(NotYet()));
    const Status readable = CheckReadable(offset);
    if (readable) return Fetch(offset, bytes_max, done);
    done(Fail(readable.error()));
  });
}

// Committed entries are never replaced: one offset with two terms is of two logs (Raft paper,
// figure 3, Leader Completeness).
void ReplicaGroup::CheckPosition(Offset offset, Term term_before,
                                 std::function<void(Status)> done) {
  if (const Status serving = CheckServing(); !serving) return done(Fail(serving.error()));
  if (term_before == Term() || offset <= LogStart()) return done(Ok());
  if (offset > state_.committed_end()) return done(CheckBeyondEnd(offset, term_before));
  const Offset before = offset.Minus(1);
  if (const CachedEntry* entry = cache_.FindOffset(before))
    return done(CompareTerm(offset, term_before, entry->frame.view()));
  reader_.Read(before, ReadableUpTo(), /*bytes_max=*/1,
               [offset, term_before, done = std::move(done)](Result<DataRun> run) {
                 if (run) return done(CompareTerm(offset, term_before, run->batches.at(0).view()));
                 // Damage before the position does not concern what is read from it.
                 done(run.error().retriable() ? Status(Fail(std::move(run).error())) : Ok());
               });
}

// Terms never fall along a log: a position beyond the end is of another one if its term has been
// left here before that end.
Status ReplicaGroup::CheckBeyondEnd(Offset offset, Term term_before) const {
  const std::optional<Term> last = log_->TermAt(core_.status().commit);
  if (!last || *last <= term_before) return Ok();
  return Fail(ErrorCode::kPositionDiverged,
              fmt::format("expected term {} in the batch before offset {}, found term {} already "
                          "before the end {}",
                          term_before.value(), offset.value(), last->value(),
                          state_.committed_end().value()));
}

// Files go when the entry that moves the log start has been committed by others; a crash may have
// taken that entry from here (DESIGN.md section 4: the greater of the two).
Offset ReplicaGroup::LogStart() const {
  return std::max(state_.committed_log_start(), log_->bounds().first_offset);
}

Status ReplicaGroup::CheckReadable(Offset offset) const {
  RAFTMQ_TRY(CheckServing());
  if (core_.AwaitsCheckpoint()) return Fail(NotYet());
  if (offset < LogStart()) {
    return Fail(ErrorCode::kOffsetBelowStart,
                fmt::format("offset {} was removed; the log starts at {}", offset.value(),
                            LogStart().value()));
  }
  if (offset > state_.committed_end()) {
    if (!KnowsCommit()) return Fail(NotYet());
    return Fail(ErrorCode::kOffsetBeyondEnd,
                fmt::format("offset {} is beyond the end {} in term {}", offset.value(),
                            state_.committed_end().value(), core_.status().term.value()));
  }
  return Ok();
}

// Until an entry of its own term is committed, a leader knows only a lower bound of what is (Raft
// paper, section 8): an end that clients have seen before may lie above.
bool ReplicaGroup::KnowsCommit() const { return core_.KnowsCommit(); }

Error ReplicaGroup::NotYet() const {
  const char* why =
      core_.status().role == RaftRole::kLeader ? "its term has only begun" : "it does not lead";
  if (core_.AwaitsCheckpoint()) why = "its log was reset and has not caught up";
  return {ErrorCode::kNotYet,
          fmt::format("node {} does not know yet what is committed beyond offset {}: {}",
                      options_.self.value(), state_.committed_end().value(), why)};
}

FetchSlice ReplicaGroup::EmptySlice(Offset next) const {
  return {.next_offset = next,
          .log_start = LogStart(),
          .end = state_.committed_end(),
          .term = core_.status().term};
}

bool ReplicaGroup::FetchFromCache(Offset offset, std::size_t bytes_max, FetchSlice* slice) const {
  const CachedEntry* entry = cache_.FindOffset(offset);
  std::size_t bytes = 0;
  while (entry != nullptr && entry->index <= core_.status().commit) {
    if (entry->end_offset > entry->base_offset) {
      bytes += entry->frame.size();
      if (bytes > bytes_max && !slice->batches.empty()) break;
      slice->batches.push_back(entry->frame);
      slice->next_offset = entry->end_offset;
    }
    entry = cache_.FindIndex(entry->index.Next());
  }
  return !slice->batches.empty();
}

// Files are read up to what is both committed and synced here.
Index ReplicaGroup::ReadableUpTo() const {
  return std::min(core_.status().commit, core_.status().durable.last);
}

void ReplicaGroup::FindOffset(std::int64_t timestamp_ms,
                              std::function<void(Result<OffsetAtTime>)> done) {
  if (const Status serving = CheckServing(); !serving) return done(Fail(serving.error()));
  if (!KnowsCommit()) return done(Fail(NotYet()));
  // Whoever asks for the end is not held up by what lies before it, damaged or cold.
  std::int64_t newest = -1;
  for (const PartitionLog::SegmentInfo& segment : log_->Segments())
    newest = std::max(newest, segment.max_timestamp_ms);
  if (timestamp_ms > newest) return done(OffsetAtTime{state_.committed_end(), -1});
  reader_.FindOffset({.timestamp_ms = timestamp_ms,
                      .log_start = LogStart(),
                      .end = state_.committed_end(),
                      .up_to = ReadableUpTo(),
                      .records_bytes_max = options_.records_bytes_max},
                     [this, done = std::move(done)](Result<OffsetAtTime> found) {
                       if (!found) return done(Fail(AsRetriable(std::move(found).error())));
                       // One of those that are repaired may be the first that fits.
                       if (MayHideRecords(found->offset)) return done(Fail(Repairing()));
                       done(std::move(found));
                     });
}

}  // namespace raftmq
