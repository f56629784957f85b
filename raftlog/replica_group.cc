#include "raftlog/replica_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"

namespace raftmq {
namespace {

RaftConfig RaftConfigOf(const GroupOptions& options, const GroupDeps& deps, ReplicaNumber number) {
  RaftConfig config = options.raft;
  config.goes_quiet = deps.heartbeats != nullptr;
  config.self = {options.self, number};
  return config;
}

RestoredState RestoredOf(const GroupOptions& options, const RestoredState& opened) {
  RestoredState restored = opened;
  if (options.is_only_replica) restored.knows_membership = true;
  return restored;
}

}  // namespace

ReplicaGroup::ReplicaGroup(const GroupOptions& options, const GroupDeps& deps, OpenedLog opened)
    : options_(options),
      deps_(deps),
      log_(std::move(opened.log)),
      restored_(std::move(opened.report.newest_checkpoint)),
      raft_config_(RaftConfigOf(options, deps, opened.report.replica)),
      core_(raft_config_, RestoredOf(options, opened.raft)),
      state_(std::move(opened.state)),
      cache_(deps.cache),
      reader_(*log_, deps.work, deps.metrics,
              [this](const DamagedRange& met, bool is_new) { OnDamageMet(met, is_new); }),
      applier_(*log_, cache_, reader_, opened.report.newest_checkpoint_index.Minus(1)),
      reported_commit_(VisibleCommit()) {
  staged_mark_ = core_.status().durable;
  state_.SwitchOff(options.session_faults);
  TellCoreOfDamage();
  MeasureLog();
}

ReplicaGroup::~ReplicaGroup() {
  if (deps_.heartbeats != nullptr) deps_.heartbeats->Update(options_.log.group, {});
  deps_.metrics.pending_bytes.Set(deps_.metrics.pending_bytes.value() - gauged_bytes_);
  deps_.metrics.pending_proposals.Set(deps_.metrics.pending_proposals.value() - gauged_proposals_);
  deps_.metrics.sessions.Set(deps_.metrics.sessions.value() - gauged_sessions_);
  deps_.metrics.message_ids.Set(deps_.metrics.message_ids.value() - gauged_message_ids_);
  if (failure_) deps_.metrics.diverged.Set(deps_.metrics.diverged.value() - 1);
  if (gauged_leader_) deps_.metrics.leaders.Set(deps_.metrics.leaders.value() - 1);
}

void ReplicaGroup::SetOnCommit(std::function<void()> on_commit) {
  on_commit_ = std::move(on_commit);
}

void ReplicaGroup::SetCapture(std::function<ByteBuffer()> capture) {
  RAFTMQ_CHECK(options_.internal);
  capture_ = std::move(capture);
}

void ReplicaGroup::SetRestore(std::function<void(ByteSpan)> restore) {
  RAFTMQ_CHECK(options_.internal);
  restore_ = std::move(restore);
}

void ReplicaGroup::SetApply(std::function<void(Index, ByteSpan)> apply) {
  RAFTMQ_CHECK(options_.internal);
  RAFTMQ_CHECK(capture_ != nullptr);
  RAFTMQ_CHECK(restore_ != nullptr);
  restore_(restored_.state_machine.span());
  applier_.Start(
      std::move(apply), [this](const Frame& part) { return CompareApplied(part); },
      [this] { OnAppliedOrCommitted(); });
  OnAppliedOrCommitted();
}

void ReplicaGroup::Tick() {
  if (failure_) return MaybeSubmit();
  if (last_status_) return;
  background_budget_ = kBackgroundJobsPerTick;
  // Quiet as the core is, proposals may be held for a file that the disk does not make.
  core_.IsQuiet() && !IsDiskHanging() ? BeatLost() : TickCore();
  if (options_.internal) OnAppliedOrCommitted();
  if (failure_) return;
  ReleaseHeld();
  GiveUpLateAnswers();
  SettleTransfer();
  RepairDamage();
  HandOverIfDamaged();
  MaybeLeaveForSpace();
  MaybeRetain();
  MaybeSubmit();
}

bool ReplicaGroup::IsQuiet() const {
  if (last_status_) return true;
  if (draining_ || job_under_way_ || proposals_.has_held() || proposals_.has_waiting())
    return false;
  if (!core_.damage().empty() || is_reopening_due_) return false;
  return core_.IsQuiet() && forwarded_.empty() && reads_.empty();
}

// A quiet group is ticked no more often than that, but may be for another reason.
void ReplicaGroup::BeatLost() {
  if (deps_.clock.SteadyNow() < retention_due_) return;
  core_.BeatLost();
  CarryOut({});
}

void ReplicaGroup::TickCore() {
  const RaftStatus& raft = core_.status();
  const bool led = raft.role == RaftRole::kLeader;
  const bool hangs = IsDiskHanging();
  if (hangs) {
    // A leader that acks nothing only stands in the way, and the best follower is told to take
    // over; no election is worth starting.
    if (!led) return;
    deps_.metrics.disk_hangs.Add();
    core_.GiveUp();
  } else {
    core_.Tick(led || HasRoomForTerm());
  }
  CarryOut({});
  // It hears no majority: the next leader may never tell what became of these.
  const bool has_stepped_down = led && raft.role != RaftRole::kLeader && !hangs;
  if (has_stepped_down) proposals_.LoseAbove(Index(0), UnknownOutcome());
}

// On a full disk a term is begun only if its first entry has a place: the no-op or, once there is
// space again, the checkpoint of the next segment.
bool ReplicaGroup::HasRoomForTerm() {
  if (core_.AwaitsCheckpoint()) return false;
  if (log_->room_for_control() >= kNoOpBytes) return true;
  return IsReadyToRoll() && log_->CanRoll(SegmentBytesFor(NextCheckpointBytes()));
}

bool ReplicaGroup::IsDiskHanging() const {
  if (core_.membership().size() == 1) return false;  // There is nobody to hand it to.
  return job_under_way_ && deps_.clock.SteadyNow() - job_began_ > options_.disk_hang_limit;
}

void ReplicaGroup::TurnEnd() {
  if (failure_) return MaybeSubmit();
  if (last_status_) return;
  if (core_.status().role == RaftRole::kLeader) {
    SendToFollowers();
    CarryOut({});
  }
  MaybeSubmit();
}

// Whether this replica answers anybody.
Status ReplicaGroup::CheckServing() const {
  if (draining_) return Fail(ErrorCode::kDraining, "the broker is shutting down");
  if (failure_) return Fail(*failure_);
  return Ok();
}

Error ReplicaGroup::RefusedNotLeader() const {
  const RaftStatus& raft = core_.status();
  if (failure_) return {ErrorCode::kNotLeader, failure_->ToString()};
  if (log_->room_for_control() < kNoOpBytes && !core_.AwaitsCheckpoint())
    return {ErrorCode::kDiskFull, "the disk is full and the log's last reserve is used up"};
  if (raft.role == RaftRole::kLeader && transfer_) {
    return {ErrorCode::kNotLeader,
            fmt::format("node {} is handing {} to node {}", options_.self.value(),
                        options_.log.group.ToString(), transfer_->to.value())};
  }
  return {ErrorCode::kNotLeader,
          fmt::format("node {} does not lead {} in term {}; node {} does", options_.self.value(),
                      options_.log.group.ToString(), raft.term.value(), raft.leader.value())};
}

GroupStatus ReplicaGroup::status() const {
  if (last_status_) return *last_status_;
  const RaftStatus& raft = core_.status();
  return {.term = raft.term,
          .leader = raft.leader,
          .is_leader = raft.role == RaftRole::kLeader,
          .awaits_checkpoint = core_.AwaitsCheckpoint(),
          .last = raft.last,
          .commit = raft.commit,
          .durable = raft.durable.last,
          .applied = VisibleCommit(),
          .log_start = LogStart(),
          .end = state_.committed_end(),
          .durable_end = state_.durable_end(),
          .follower_lag = FollowerLag(),
          .size_bytes = size_bytes_,
          .segments = segments_,
          .needs_reopening = is_reopening_due_};
}

void ReplicaGroup::MeasureLog() {
  size_bytes_ = 0;
  segments_ = 0;
  for (const PartitionLog::SegmentInfo& segment : log_->Segments()) {
    size_bytes_ += segment.used_bytes;
    ++segments_;
  }
}

void ReplicaGroup::UpdateGauges() {
  GroupMetrics& metrics = deps_.metrics;
  const std::size_t bytes = core_.status().uncommitted_bytes + proposals_.held_bytes();
  metrics.pending_bytes.Set(metrics.pending_bytes.value() - gauged_bytes_ + bytes);
  gauged_bytes_ = bytes;
  metrics.pending_proposals.Set(metrics.pending_proposals.value() - gauged_proposals_ +
                                proposals_.size());
  gauged_proposals_ = proposals_.size();
  metrics.sessions.Set(metrics.sessions.value() - gauged_sessions_ + state_.sessions().size());
  gauged_sessions_ = state_.sessions().size();
  metrics.message_ids.Set(metrics.message_ids.value() - gauged_message_ids_ +
                          state_.message_ids().size());
  gauged_message_ids_ = state_.message_ids().size();
  CountElections();
  const bool leads = core_.status().role == RaftRole::kLeader && !failure_;
  if (leads == gauged_leader_) return;
  gauged_leader_ = leads;
  metrics.leaders.Set(leads ? metrics.leaders.value() + 1 : metrics.leaders.value() - 1);
  if (leads) metrics.terms_started.Add();
}

void ReplicaGroup::CountElections() {
  const RaftStatus& raft = core_.status();
  const bool goes_on = raft.role == RaftRole::kCandidate && raft.term == counted_term_;
  if (counted_role_ == RaftRole::kCandidate && raft.role != RaftRole::kLeader && !goes_on)
    deps_.metrics.elections_lost.Add();
  counted_role_ = raft.role;
  counted_term_ = raft.term;
  deps_.metrics.heartbeat_failures.Add(raft.silences - counted_silences_);
  counted_silences_ = raft.silences;
}

std::uint64_t ReplicaGroup::FollowerLag() const {
  std::uint64_t lag = 0;
  const Index last = core_.status().last;
  for (const Progress& follower : core_.followers())
    lag = std::max(lag, last.value() - follower.durable.value());
  return lag;
}

}  // namespace raftmq
