// Damaged entries are replaced by copies of other replicas (DESIGN.md, "Damage and repair").
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "raftlog/received_entries.h"
#include "raftlog/replica_group.h"
#include "segment/frame_check.h"

namespace raftmq {
namespace {

constexpr std::size_t kRepairBytesMax = 256u << 10;    // Of one answer from the files.
constexpr std::size_t kCollectedBytesMax = 64u << 20;  // In memory, before they are written.
// A leader whose damage has not been repaired by then makes room for one with a whole log.
constexpr Microseconds kLeadsDamagedMax = std::chrono::seconds(2);

}  // namespace

// --- As the one who lacks them.

void ReplicaGroup::OnDamageMet(const DamagedRange& met, bool is_new) {
  if (is_new && deps_.on_damage) deps_.on_damage(options_.log.group, met);
  RepairDamage();
}

// The run that is asked for when `range` is: what is whole beside it may have to be written, too.
DamagedRange ReplicaGroup::RepairedWith(const DamagedRange& range) const {
  for (const DamagedRange& run : log_->ToRepair()) {
    if (run.first <= range.first && range.last <= run.last) return run;
  }
  return range;
}

bool ReplicaGroup::IsHopeless(const DamagedRange& range) const {
  return repair_.IsHopeless(RepairedWith(range));
}

// Whenever damage was found, an answer has come, or time has passed.
void ReplicaGroup::RepairDamage() {
  if (last_status_) return;
  TellCoreOfDamage();
  if (draining_) return;  // It still answers its leader.
  if (!repair_frames_.empty() || repair_job_under_way_) return;
  const bool needs_reopening = log_->NeedsReopening() || MayBecomeWhole();
  if (log_->damage().empty() && !needs_reopening) return;
  const Membership members = WhoMayHaveCopies();
  const std::vector<DamagedRange> to_repair = log_->ToRepair();
  const std::optional<RepairRequest> question =
      repair_.Next({.now = deps_.clock.SteadyNow(),
                    .damage = to_repair,
                    .commit = core_.status().commit,
                    .members = members,
                    .knows_members = core_.KnowsMembership(),
                    .needs_whole = collects_,
                    .self = self()});
  if (!question) {
    is_reopening_due_ = needs_reopening && !repair_.IsAsking();
    return TellCoreOfDamage();  // It may have turned out that no good copy is left.
  }
  repair_request_ = *question;
  collected_.clear();
  collected_to_ = question->first.Minus(1);
  AskForCopy();
}

// What an opening passed over is taken in by the next one only, wherever it has been repaired; or
// that one begins behind it, where the others may have removed it already. Who is alone loses
// nothing by not knowing it.
bool ReplicaGroup::MayBecomeWhole() const {
  if (state_.is_whole()) return false;
  const bool begins_behind = state_.IsWholeToRecovery() && !options_.is_only_replica;
  return begins_behind || log_->damage().empty();
}

void ReplicaGroup::AskForCopy() {
  repair_request_.id = ++asked_id_;
  RepairRequest request = repair_request_;
  request.first = collected_to_.Next();
  deps_.transport.Send({.group = options_.log.group, .body = request, .frames = {}});
}

// A copy comes job by job where each began on a fresh page, and of such a run only the whole tells
// where its entries stood (segment/DESIGN.md).
bool ReplicaGroup::IsToBeCollected() const {
  std::size_t bytes = 0;
  for (const SharedBytes& frame : collected_) bytes += frame.size();
  return collects_ && collected_to_ < repair_request_.last && bytes < kCollectedBytesMax;
}

// Who does not know the members knows at least who talks to it: a leader, or, where its own log has
// to be whole before there can be one, who asks for its vote.
Membership ReplicaGroup::WhoMayHaveCopies() const {
  Membership members = core_.membership();
  if (core_.KnowsMembership()) return members;
  for (const ReplicaId& id : heard_from_) {
    const bool is_new =
        std::ranges::none_of(members, [&id](const Replica& replica) { return replica.id() == id; });
    if (is_new) members.push_back({id.node, id.number});
  }
  return members;
}

// Damaged entries may name more members than what can be read does: then the placement tells. And
// the only member may be another one, from whom this one has not got its own entry yet.
bool ReplicaGroup::HasOnlyCopy() const {
  if (!state_.is_whole() && options_.is_only_replica) return true;
  const Membership& members = core_.membership();
  return core_.KnowsMembership() && members.size() == 1 && members.front().id() == self();
}

void ReplicaGroup::ReceiveRepairReply(const RepairReply& reply, std::vector<SharedBytes> frames) {
  if (!repair_.IsAsking() || reply.id != repair_request_.id || !repair_frames_.empty() ||
      repair_job_under_way_)
    return;
  if (reply.answer != RepairReply::Answer::kHave && WasSplitBy(reply, frames)) {
    repair_.WasSplit();
    return RepairDamage();
  }
  // It may hold for some of the entries only: there is a frame, or some have come already.
  const bool is_of_part =
      reply.answer != RepairReply::Answer::kHave && !(frames.empty() && collected_.empty());
  repair_.Answered(is_of_part ? Answer::kNotYet : reply.answer, deps_.clock.SteadyNow());
  if (reply.answer != RepairReply::Answer::kHave) return RepairDamage();
  AppendRequest append{.previous = collected_to_};
  const auto entries = CheckReceivedEntries(frames, log_->group_seed(), &append);
  if (!entries || entries->empty() || append.last > repair_request_.last) {
    deps_.metrics.repairs_refused.Add();
    repair_.Tried(false);
    return RepairDamage();
  }
  std::ranges::move(frames, std::back_inserter(collected_));
  collected_to_ = append.last;
  if (IsToBeCollected()) return AskForCopy();
  repair_frames_ = std::exchange(collected_, {});
  TellCoreOfDamage();
  MaybeSubmit();
}

// The frame beside such an answer is the first entry for which it does not hold.
bool ReplicaGroup::WasSplitBy(const RepairReply& reply, const std::vector<SharedBytes>& frames) {
  const bool may_say = reply.answer == Answer::kHaveDamaged || reply.answer == Answer::kRemoved;
  if (!may_say || frames.size() != 1 || !collected_.empty()) return false;
  const Result<BatchHeader> header = CheckFrame(frames[0].view(), log_->group_seed());
  if (!header || header->leader.index > repair_request_.last) return false;
  const LeaderBlock& behind = header->leader;
  return log_->SplitDamage({.index = behind.index.Minus(1),
                            .term = behind.term,
                            .next_offset = behind.base_offset,
                            .chain = behind.chain});
}

// Meanwhile a cut, a reset or a new log start may have taken the damage away.
bool ReplicaGroup::IsToBeRepaired() const {
  return std::ranges::any_of(log_->ToRepair(), [this](const DamagedRange& range) {
    return range.first == repair_request_.first;
  });
}

std::unique_ptr<LogJob> ReplicaGroup::TakeRepairJob() {
  if (repair_frames_.empty()) return nullptr;
  if (!IsToBeRepaired()) {
    repair_frames_.clear();
    repair_.Tried(true);
    return nullptr;
  }
  std::unique_ptr<LogJob> job = log_->TakeRepairJob(repair_frames_);
  if (!job) return nullptr;  // Not now.
  repair_frames_.clear();
  repair_job_under_way_ = true;
  return job;
}

// REQUIRES: the log has been told that the job is done.
void ReplicaGroup::FinishRepair() {
  if (!std::exchange(repair_job_under_way_, false)) return;
  const RepairOutcome& outcome = log_->last_repair();
  repair_.Tried(outcome.status.has_value());
  collects_ = options_.log.fresh_page_per_job || !outcome.status;
  if (outcome.status) {
    deps_.metrics.entries_repaired.Add(outcome.repaired_up_to.value() -
                                       repair_request_.first.value() + 1);
  } else {
    deps_.metrics.repairs_refused.Add();
  }
  RepairDamage();
}

// Until a new opening has taken them in, repaired entries count as damaged where it matters to
// Raft: the core does not know their terms.
void ReplicaGroup::TellCoreOfDamage() {
  std::vector<DamagedRun> runs;
  for (const DamagedRange& range : damage()) {
    const bool is_missed = !repair_.IsRemoved(RepairedWith(range)) || !state_.is_whole();
    if (is_missed && !IsHopeless(range)) runs.push_back({range.first, range.last, range.term_max});
  }
  if (!runs.empty() && !damaged_since_) damaged_since_ = deps_.clock.SteadyNow();
  if (runs.empty()) damaged_since_.reset();
  // What is about to be written: of whole entries that give way a cut would not know the place.
  // A cut may have taken it.
  const bool is_writing = (!repair_frames_.empty() || repair_job_under_way_) && IsToBeRepaired();
  const bool is_wider = std::ranges::none_of(runs, [this](const DamagedRun& run) {
    return run.first <= repair_request_.first && repair_request_.last <= run.last;
  });
  if (is_writing && is_wider)
    runs.push_back({repair_request_.first, repair_request_.last, core_.status().term});
  if (log_->NeedsReopening()) std::ranges::copy(core_.damage().all(), std::back_inserter(runs));
  DamagedRuns damage(std::move(runs));
  if (damage.all() == core_.damage().all()) return;
  const Index commit = core_.status().commit;
  core_.SetDamage(std::move(damage));
  CarryOut({});
  // A leader that counts itself again may commit by that alone: nothing else may come for a while.
  if (core_.status().commit != commit) OnAppliedOrCommitted();
}

// It does not count itself meanwhile, and followers who lack what it cannot read are not served.
void ReplicaGroup::HandOverIfDamaged() {
  const Microseconds now = deps_.clock.SteadyNow();
  if (core_.status().role != RaftRole::kLeader || !damaged_since_ || transfer_) return;
  if (now - *damaged_since_ < kLeadsDamagedMax) return;
  damaged_since_ = now;  // Next time after another while.
  if (core_.damage().empty() || core_.damage().last() <= core_.status().commit)
    return HandOver([] {});
  // Nobody can have all that it has: they elect a leader whose entries replace it.
  core_.GiveUp();
  CarryOut({});
  proposals_.LoseAbove(Index(0), UnknownOutcome());
}

// Damage that may yet be repaired is no answer for ever.
Error ReplicaGroup::AsRetriable(Error error) const {
  // Repaired, but in a file that the log does not know before it is opened again.
  if (error.code == ErrorCode::kInternal && log_->NeedsReopening())
    return {ErrorCode::kNotYet,
            fmt::format("node {} takes repaired entries into {}: try again, or ask another one",
                        options_.self.value(), options_.log.group.ToString())};
  // None left: what was met was trimmed or repaired meanwhile. The next read does not meet it.
  const std::vector<DamagedRange> left = damage();
  const bool is_hopeless = !left.empty() && std::ranges::all_of(left, [this](const auto& range) {
    return IsHopeless(range);
  });
  if (error.code != ErrorCode::kDataCorrupt || HasOnlyCopy() || is_hopeless) return error;
  return Repairing();
}

Error ReplicaGroup::Repairing() const {
  return {ErrorCode::kNotYet,
          fmt::format("node {} repairs damage in {} from the other replicas: try again, or ask "
                      "another one",
                      options_.self.value(), options_.log.group.ToString())};
}

bool ReplicaGroup::MayHideRecords(Offset before) const {
  if (log_->NeedsReopening()) return true;
  if (HasOnlyCopy()) return false;
  return std::ranges::any_of(damage(), [this, before](const DamagedRange& range) {
    return range.first_offset < before && range.end_offset > LogStart() && !IsHopeless(range);
  });
}

// --- As one who is asked.

void ReplicaGroup::ReceiveRepairRequest(const RepairRequest& request) {
  const Replica* const asker = FindMember(request.from.node);
  if (failure_ || draining_ || request.to != self()) return;
  if (asker == nullptr || asker->id() != request.from) return;
  if (request.first == Index(0) || request.last < request.first) return;
  if (request.last < log_->bounds().first) return AnswerRepair(request, Answer::kRemoved);
  if (!request.is_committed) return ConfirmSame(request);
  if (request.first > core_.status().commit) {
    // Who knows of no commit there may have the same all the same: the news of it comes from a
    // leader, and there may be none until the asker is whole.
    const bool can_tell = request.last_hash != 0 && request.last <= log_->tail().index;
    return can_tell ? ConfirmSame(request) : AnswerRepair(request, Answer::kNotYet);
  }
  SendCopy(request, std::min(request.last, core_.status().commit));
}

void ReplicaGroup::AnswerRepair(const RepairRequest& request, Answer answer,
                                std::vector<SharedBytes> frames) {
  deps_.transport.Send(
      {.group = options_.log.group,
       .body = RepairReply{.from = self(), .to = request.from, .id = request.id, .answer = answer},
       .frames = std::move(frames)});
}

// Uncommitted entries are the same as the asker's if the last of them is: its hash covers the chain
// of all before it.
void ReplicaGroup::ConfirmSame(const RepairRequest& request) {
  const LogTail tail = log_->tail();
  if (request.last > tail.index) return AnswerRepair(request, Answer::kDoNotHave);
  const auto compare = [this, request](const BatchHeader& header) {
    if (header.header_hash != request.last_hash) return AnswerRepair(request, Answer::kDoNotHave);
    SendCopy(request, request.last);
  };
  if (const CachedEntry* const entry = cache_.FindIndex(request.last))
    return compare(*ParseBatchHeader(entry->frame.view()));
  ReadCopy(request, request.last, request.last,
           [compare](const LogSlice& slice) { compare(FrameCursor(slice.bytes).Next()->header); });
}

// REQUIRES: the asker's entries are the same.
void ReplicaGroup::SendCopy(const RepairRequest& request, Index up_to) {
  const Index log_first = log_->bounds().first;
  if (request.first < log_first) return AnswerUpTo(request, Answer::kRemoved, log_first);
  std::vector<SharedBytes> frames = GatherFrom(request.first, up_to);
  if (!frames.empty()) return AnswerRepair(request, Answer::kHave, std::move(frames));
  ReadCopy(request, request.first, up_to, [this, request](const LogSlice& slice) {
    std::vector<SharedBytes> copies;
    FrameCursor cursor(slice.bytes);
    while (auto frame = cursor.Next()) copies.push_back(std::move(frame->bytes));
    AnswerRepair(request, Answer::kHave, std::move(copies));
  });
}

// Reads entries from `first` on for an answer; where that does not go, it is the answer.
void ReplicaGroup::ReadCopy(const RepairRequest& request, Index first, Index up_to,
                            std::function<void(const LogSlice&)> done) {
  const Index durable = core_.status().durable.last;
  if (first > durable || first < log_->bounds().first)
    return AnswerRepair(request, Answer::kNotYet);
  std::unique_ptr<LogRead> read = log_->Read({.by = ReadFrom::By::kIndex, .value = first.value()},
                                             std::min(up_to, durable), kRepairBytesMax);
  if (!read) return AnswerUnreadable(request, first);  // A missing file.
  reader_.Run(std::move(read),
              [this, request, first, done = std::move(done)](const Result<LogSlice>& slice) {
                if (!slice) return AnswerUnreadable(request, first);
                if (slice->first != first || slice->last < first)
                  return AnswerRepair(request, Answer::kNotYet);
                done(*slice);
              });
}

// Only all of what is asked for is damaged here, or a frame says what is not: else the asker would
// give up what has a good copy.
void ReplicaGroup::AnswerUnreadable(const RepairRequest& request, Index first) {
  const auto damaged = std::ranges::find_if(log_->damage(), [first](const DamagedRange& range) {
    return range.first <= first && first <= range.last;
  });
  if (damaged == log_->damage().end()) return AnswerRepair(request, Answer::kNotYet);
  if (damaged->first > request.first) return AnswerRepair(request, Answer::kNotYet);
  if (damaged->last >= request.last) return AnswerRepair(request, Answer::kHaveDamaged);
  // What stands behind it here names the last of them, if that is the same for both.
  const bool is_same = !request.is_committed || damaged->last <= core_.status().commit;
  if (!is_same) return AnswerRepair(request, Answer::kNotYet);
  AnswerUpTo(request, Answer::kHaveDamaged, damaged->last.Next());
}

// `answer` holds for what lies before entry `behind`.
void ReplicaGroup::AnswerUpTo(const RepairRequest& request, Answer answer, Index behind) {
  std::vector<SharedBytes> frames = GatherFrom(behind, behind);
  if (!frames.empty()) return AnswerRepair(request, answer, std::move(frames));
  std::unique_ptr<LogRead> read;
  if (behind <= core_.status().durable.last)
    read = log_->Read({.by = ReadFrom::By::kIndex, .value = behind.value()}, behind, 1);
  if (!read) return AnswerRepair(request, Answer::kNotYet);
  reader_.Run(std::move(read), [this, request, answer, behind](const Result<LogSlice>& slice) {
    if (!slice || slice->first != behind || slice->last != behind)
      return AnswerRepair(request, Answer::kNotYet);
    AnswerRepair(request, answer, {slice->bytes});
  });
}

}  // namespace raftmq
