#include "raftlog/log_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "protocol/types/batch_cursor.h"
#include "protocol/types/check.h"
#include "raftlog/frames.h"

namespace raftmq {
namespace {

constexpr std::size_t kFindBytes = 256u << 10;

Error Corrupt(const DamagedRange& damage) {
  return {ErrorCode::kDataCorrupt,
          fmt::format("offsets {} to {} are damaged and no good copy is known: {}",
                      damage.first_offset.value(), damage.end_offset.value(), damage.what)};
}

Error Missing(Offset offset, Index up_to) {
  return {ErrorCode::kInternal,
          fmt::format("expected offset {} in the files up to entry {}, found nothing",
                      offset.value(), up_to.value())};
}

// What a cut, a trim or a repair has overtaken does not show that anything is damaged.
template <class T>
void ForgetIfOvertaken(const LogRead& read, Result<T>* found) {
  if (*found || found->error().code != ErrorCode::kDataCorrupt || read.damage() != nullptr) return;
  *found = Fail(ErrorCode::kNotYet, "the log was changed while it was read: try again");
}

// What a search step found in one slice.
struct Found {
  std::optional<Group::OffsetAtTime> record;
  Offset end;             // After the slice's last entry.
  bool is_empty = false;  // The segment that might have had it does not: a later one may.
};

// The first record of an opened batch that fits the request.
std::optional<Group::OffsetAtTime> FirstRecord(const OpenedBatch& batch,
                                               const LogReader::FindRequest& request) {
  BatchCursor cursor(batch);
  while (const auto record = cursor.Next()) {
    if (record->timestamp_ms >= request.timestamp_ms && record->offset >= request.log_start)
      return Group::OffsetAtTime{record->offset, record->timestamp_ms};
  }
  return std::nullopt;
}

Result<Found> FindInSlice(const LogSlice& slice, const LogReader::FindRequest& request) {
  Found found;
  found.is_empty = slice.last < slice.first;
  FrameCursor frames(slice.bytes);
  while (const auto frame = frames.Next()) {
    const BatchHeader& header = frame->header;
    found.end = header.end_offset();
    if (header.producer.kind != EntryKind::kData) continue;
    if (header.producer.max_timestamp_ms < request.timestamp_ms) continue;
    if (header.end_offset() <= request.log_start) continue;
    RAFTMQ_TRY_ASSIGN(const OpenedBatch batch,
                      OpenRecords(frame->bytes.view(), request.records_bytes_max));
    found.record = FirstRecord(batch, request);
    if (found.record) break;
  }
  return found;
}

// The first step of a search may meet damage that lies before the log start: nobody asked for that.
bool MayBeginAtLogStart(const LogRead& read, ReadFrom from, const LogReader::FindRequest& request) {
  return from.by == ReadFrom::By::kTimestamp && read.damage() != nullptr &&
         read.damage()->end_offset <= request.log_start && request.log_start < request.end;
}

}  // namespace

void LogReader::Read(Offset offset, Index up_to, std::size_t bytes_max, ReadDone done) {
  for (const DamagedRange& damage : log_.damage()) {
    if (offset >= damage.first_offset && offset < damage.end_offset) {
      metrics_.reads_damaged.Add();
      return done(Fail(Corrupt(damage)));
    }
    // Served up to the damage.
    if (damage.first_offset > offset) up_to = std::min(up_to, damage.first.Minus(1));
  }
  std::unique_ptr<LogRead> read =
      log_.Read({.by = ReadFrom::By::kOffset, .value = offset.value()}, up_to, bytes_max);
  if (!read) return done(Fail(Missing(offset, up_to)));
  const std::size_t known_damage = log_.damage().size();
  Run(std::move(read), [=, this, done = std::move(done)](Result<LogSlice> slice) {
    // New damage was marked: what lies before it is served, or it is named.
    if (!slice && log_.damage().size() > known_damage) return Read(offset, up_to, bytes_max, done);
    if (!slice) return done(Fail(std::move(slice).error()));
    DataRun run;
    FrameCursor frames(slice->bytes);
    while (const auto frame = frames.Next()) {
      if (frame->header.producer.kind == EntryKind::kData) run.batches.push_back(frame->bytes);
      run.next_offset = frame->header.end_offset();
    }
    if (run.batches.empty()) return done(Fail(Missing(offset, up_to)));
    done(std::move(run));
  });
}

void LogReader::Run(std::unique_ptr<LogRead> read, std::function<void(Result<LogSlice>)> done) {
  if (read->IsResident()) {
    metrics_.fetches_from_map.Add();
    Result<LogSlice> slice = read->Run();
    ForgetIfOvertaken(*read, &slice);
    Finish(*read);
    return done(std::move(slice));
  }
  metrics_.fetches_cold.Add();
  struct State {
    std::unique_ptr<LogRead> read;
    Result<LogSlice> slice;
    std::function<void(Result<LogSlice>)> done;
  };
  auto state = std::make_shared<State>(State{std::move(read), LogSlice{}, std::move(done)});
  ++under_way_;
  const Status queued = work_.Submit([state] { state->slice = state->read->Run(); },
                                     [this, state, alive = std::weak_ptr(alive_)] {
                                       if (alive.expired()) return;
                                       --under_way_;
                                       ForgetIfOvertaken(*state->read, &state->slice);
                                       Finish(*state->read);
                                       state->done(std::move(state->slice));
                                     });
  if (queued) return;
  --under_way_;
  state->done(Fail(queued.error()));
}

void LogReader::Finish(const LogRead& read) {
  if (read.damage() == nullptr) return;
  const DamagedRange met = *read.damage();
  const bool was_known = IsKnown(met);
  log_.MarkDamaged(met);
  // What was repaired meanwhile is not marked.
  on_damage_(met, !was_known && IsKnown(met));
}

bool LogReader::IsKnown(const DamagedRange& met) const {
  return std::ranges::any_of(log_.damage(), [&met](const DamagedRange& known) {
    return known.first <= met.last && met.first <= known.last;
  });
}

void LogReader::FindOffset(const FindRequest& request, FindDone done) {
  FindFrom({.by = ReadFrom::By::kTimestamp,
            .value = static_cast<std::uint64_t>(std::max<std::int64_t>(request.timestamp_ms, 0))},
           request, std::move(done));
}

// 1. The first step goes to the first batch that reaches the timestamp. 2. If that lies before the
// log start, the search goes on from there. 3. A batch may reach the timestamp only by records
// before the log start, so it goes on until a record fits.
void LogReader::FindFrom(ReadFrom from, const FindRequest& request, FindDone done) {
  std::unique_ptr<LogRead> read = log_.Read(from, request.up_to, kFindBytes);
  if (!read) return done(Group::OffsetAtTime{request.end, -1});
  // Always on the work queue: a compressed batch is opened, which takes its time.
  struct State {
    std::unique_ptr<LogRead> read;
    ReadFrom from;
    FindRequest request;
    FindDone done;
    Index last;
    bool was_read = false;
    Result<Found> found;
  };
  auto state = std::make_shared<State>(
      State{std::move(read), from, request, std::move(done), {}, false, {}});
  ++under_way_;
  const Status queued = work_.Submit(
      [state] {
        const Result<LogSlice> slice = state->read->Run();
        if (!slice) {
          state->found = Fail(slice.error());
          return;
        }
        state->was_read = true;
        state->last = slice->last;
        state->found = FindInSlice(*slice, state->request);
      },
      [this, state, alive = std::weak_ptr(alive_)] {
        if (alive.expired()) return;
        --under_way_;
        if (!state->was_read) ForgetIfOvertaken(*state->read, &state->found);
        Finish(*state->read);
        if (!state->found && MayBeginAtLogStart(*state->read, state->from, state->request))
          return FindFrom({ReadFrom::By::kOffset, state->request.log_start.value()}, state->request,
                          std::move(state->done));
        if (!state->found) return state->done(Fail(state->found.error()));
        if (state->found->record) return state->done(*state->found->record);
        const bool goes_on = state->last < state->request.up_to;
        if (state->found->is_empty && goes_on)
          return FindFrom({ReadFrom::By::kIndex, state->last.Next().value()}, state->request,
                          std::move(state->done));
        if (state->found->is_empty || state->found->end >= state->request.end)
          return state->done(Group::OffsetAtTime{state->request.end, -1});
        const ReadFrom next =
            state->found->end <= state->request.log_start
                ? ReadFrom{ReadFrom::By::kOffset, state->request.log_start.value()}
                : ReadFrom{ReadFrom::By::kIndex, state->last.Next().value()};
        FindFrom(next, state->request, std::move(state->done));
      });
  if (queued) return;
  --under_way_;
  state->done(Fail(queued.error()));
}

}  // namespace raftmq
