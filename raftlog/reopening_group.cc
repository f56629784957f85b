#include "raftlog/reopening_group.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "protocol/types/check.h"
#include "protocol/types/split_mix.h"
#include "raftlog/replica_group.h"

namespace raftmq {
namespace {

constexpr Microseconds kOpenRetryPause = std::chrono::seconds(1);

}  // namespace

ReopeningGroup::ReopeningGroup(const GroupOptions& options, const GroupDeps& deps, OpenedLog opened,
                               ReopenLog reopen)
    : options_(options),
      deps_(deps),
      reopen_(std::move(reopen)),
      group_(std::make_unique<ReplicaGroup>(options, deps, std::move(opened))) {}

// 1. Who leads hands leadership on, so that nobody has to wait for an election.
// 2. The group ends as for a shutdown, mark written. Only this object knows that it does.
// 3. Its log is opened again, by recovery, on the work queue.
// 4. A new group goes on in its place.
void ReopeningGroup::MaybeReopen() {
  if (phase_ == Phase::kClosed) {
    if (deps_.clock.SteadyNow() >= open_due_) OpenAgain();
    return;
  }
  if (!IsOpen() || !drained_.empty() || !group_->status().needs_reopening) return;
  phase_ = Phase::kClosing;
  last_membership_ = group_->membership();
  group_->HandOver([this] {
    group_->Drain([this] {
      last_status_ = status();
      phase_ = Phase::kClosed;
    });
    group_->TurnEnd();
  });
}

void ReopeningGroup::OpenAgain() {
  group_.reset();
  if (!drained_.empty()) return Drained();
  auto opened = std::make_shared<Result<std::unique_ptr<OpenedLog>>>(nullptr);
  const Status queued = deps_.work.Submit([opened, reopen = reopen_] { *opened = reopen(); },
                                          [this, opened, alive = std::weak_ptr(alive_)] {
                                            if (!alive.expired()) OnOpened(std::move(*opened));
                                          });
  if (queued) phase_ = Phase::kOpening;  // Else again with the next tick.
}

void ReopeningGroup::OnOpened(Result<std::unique_ptr<OpenedLog>> opened) {
  if (!drained_.empty()) return Drained();
  if (!opened && opened.error().code != ErrorCode::kDataCorrupt) {
    // A full disk, too many open files: that may pass.
    phase_ = Phase::kClosed;
    open_due_ = deps_.clock.SteadyNow() + kOpenRetryPause;
    return;
  }
  if (!opened) {
    phase_ = Phase::kFailed;
    failure_ = Error{ErrorCode::kDataCorrupt,
                     fmt::format("{} could not be opened again after a repair: {}",
                                 options_.log.group.ToString(), opened.error().ToString())};
    last_status_.has_stopped = true;
    if (on_commit_) on_commit_();  // Whoever waits for more is told that none comes.
    return;
  }
  Adopt(std::move(**opened));
}

void ReopeningGroup::Adopt(OpenedLog opened) {
  GroupOptions options = options_;
  // Answers to the group before are still on their way: this one asks by other numbers.
  options.raft.seed = SplitMix(options_.raft.seed + ++openings_).Next();
  opened.log->KeepFilesForEarlierReaders();
  group_ = std::make_unique<ReplicaGroup>(options, deps_, std::move(opened));
  phase_ = Phase::kOpen;
  if (on_commit_) group_->SetOnCommit(on_commit_);
  if (capture_) group_->SetCapture(capture_);
  if (restore_) group_->SetRestore(restore_);
  if (apply_) group_->SetApply(apply_);
  group_->Tick();
  group_->TurnEnd();
}

Error ReopeningGroup::NotServing(ErrorCode code) const {
  if (failure_) return code == ErrorCode::kNotLeader ? Error{code, failure_->message} : *failure_;
  return {code, fmt::format("node {} takes repaired entries into {}: try again, or ask another",
                            options_.self.value(), options_.log.group.ToString())};
}

std::optional<SegmentScrub> ReopeningGroup::CheckSegment(Index from) {
  if (!IsOpen()) return std::nullopt;
  std::optional<SegmentScrub> segment = group_->CheckSegment(from);
  if (segment) segment->openings = openings_;
  return segment;
}

// What a check saw before the log was opened again may be what was repaired since.
bool ReopeningGroup::TakeDamage(const SegmentScrub& segment) {
  if (!IsOpen() || segment.openings != openings_) return false;
  return group_->TakeDamage(segment);
}

void ReopeningGroup::RepairMeta() {
  if (IsOpen()) group_->RepairMeta();
}

void ReopeningGroup::Drain(std::function<void()> done) {
  if (IsOpen()) return group_->Drain(std::move(done));
  drained_.push_back(std::move(done));
  if (phase_ == Phase::kFailed) Drained();
}

// The first of them may destroy this object.
void ReopeningGroup::Drained() {
  phase_ = Phase::kFailed;
  if (!failure_) failure_ = Error{ErrorCode::kDraining, "the broker is shutting down"};
  const auto drained = std::exchange(drained_, {});
  for (const auto& done : drained) done();
}

void ReopeningGroup::Tick() {
  if (group_ && phase_ != Phase::kClosed) group_->Tick();
  MaybeReopen();
}

void ReopeningGroup::TurnEnd() {
  if (group_ && phase_ != Phase::kClosed) group_->TurnEnd();
  MaybeReopen();
}

bool ReopeningGroup::IsQuiet() const { return IsOpen() && group_->IsQuiet(); }

GroupStatus ReopeningGroup::status() const {
  if (IsOpen()) return group_->status();
  if (phase_ != Phase::kClosing) return last_status_;
  // What is under way still commits.
  GroupStatus status = group_->status();
  status.leader = NodeId(0);
  status.is_leader = false;
  status.needs_reopening = true;
  return status;
}

std::optional<Checkpoint> ReopeningGroup::StateOfLog() const {
  return IsOpen() ? group_->StateOfLog() : std::nullopt;
}

const Error* ReopeningGroup::failure() const {
  if (failure_ && failure_->code != ErrorCode::kDraining) return &*failure_;
  return IsOpen() ? group_->failure() : nullptr;
}

std::vector<DamagedRange> ReopeningGroup::damage() const {
  return group_ ? group_->damage() : std::vector<DamagedRange>();
}

void ReopeningGroup::Receive(PeerMessage message) {
  // While it closes answers may still come; later all is as if the network had lost it.
  if (group_ && phase_ != Phase::kClosed) group_->Receive(std::move(message));
}

void ReopeningGroup::PeerUnreachable(NodeId node) {
  if (IsOpen()) group_->PeerUnreachable(node);
}

void ReopeningGroup::PeerSilent(NodeId node, std::uint32_t ticks) {
  if (IsOpen()) group_->PeerSilent(node, ticks);
}

void ReopeningGroup::Propose(ByteBuffer buffer, std::size_t frame_at, std::size_t frame_bytes,
                             const ProposeOptions& options, ProposeDone done) {
  if (!IsOpen()) return done(Fail(NotServing(ErrorCode::kNotLeader)));
  group_->Propose(std::move(buffer), frame_at, frame_bytes, options, std::move(done));
}

void ReopeningGroup::OpenSession(SessionId session, std::uint32_t epoch,
                                 std::function<void(Result<OpenedSession>)> done) {
  if (!IsOpen()) return done(Fail(NotServing(ErrorCode::kNotLeader)));
  group_->OpenSession(session, epoch, std::move(done));
}

void ReopeningGroup::Fetch(Offset offset, std::size_t bytes_max, FetchDone done) {
  if (!IsOpen()) return done(Fail(NotServing(ErrorCode::kNotYet)));
  group_->Fetch(offset, bytes_max, std::move(done));
}

void ReopeningGroup::CheckPosition(Offset offset, Term term_before,
                                   std::function<void(Status)> done) {
  if (!IsOpen()) return done(Fail(NotServing(ErrorCode::kNotYet)));
  group_->CheckPosition(offset, term_before, std::move(done));
}

void ReopeningGroup::FindOffset(std::int64_t timestamp_ms,
                                std::function<void(Result<OffsetAtTime>)> done) {
  if (!IsOpen()) return done(Fail(NotServing(ErrorCode::kNotYet)));
  group_->FindOffset(timestamp_ms, std::move(done));
}

void ReopeningGroup::Trim(Offset log_start, std::function<void(Result<Offset>)> done) {
  if (!IsOpen()) return done(Fail(NotServing(ErrorCode::kNotLeader)));
  group_->Trim(log_start, std::move(done));
}

void ReopeningGroup::AcceptLoss(Offset to, std::function<void(Result<AcceptedLoss>)> done) {
  if (!IsOpen()) return done(Fail(NotServing(ErrorCode::kNotLeader)));
  group_->AcceptLoss(to, std::move(done));
}

void ReopeningGroup::ProposeAnywhere(ByteBuffer frame, ProposeDone done) {
  if (!IsOpen()) return done(Fail(NotServing(ErrorCode::kNotLeader)));
  group_->ProposeAnywhere(std::move(frame), std::move(done));
}

void ReopeningGroup::ReadIndex(std::function<void(Result<Offset>)> done) {
  if (!IsOpen()) return done(Fail(NotServing(ErrorCode::kNotYet)));
  group_->ReadIndex(std::move(done));
}

const Membership& ReopeningGroup::membership() const {
  return IsOpen() ? group_->membership() : last_membership_;
}

void ReopeningGroup::ChangeMembership(const Membership& next, ProposeDone done) {
  if (!IsOpen()) return done(Fail(NotServing(ErrorCode::kNotLeader)));
  group_->ChangeMembership(next, std::move(done));
}

void ReopeningGroup::TransferTo(NodeId to, std::function<void(Status)> done) {
  if (!IsOpen()) return done(Fail(NotServing(ErrorCode::kNotLeader)));
  group_->TransferTo(to, std::move(done));
}

void ReopeningGroup::HandOver(std::function<void()> done) {
  if (!IsOpen()) return done();
  group_->HandOver(std::move(done));
}

void ReopeningGroup::SetOnCommit(std::function<void()> on_commit) {
  on_commit_ = std::move(on_commit);
  if (group_) group_->SetOnCommit(on_commit_);
}

void ReopeningGroup::SetCapture(std::function<ByteBuffer()> capture) {
  capture_ = std::move(capture);
  group_->SetCapture(capture_);
}

void ReopeningGroup::SetRestore(std::function<void(ByteSpan)> restore) {
  restore_ = std::move(restore);
  group_->SetRestore(restore_);
}

void ReopeningGroup::SetApply(std::function<void(Index, ByteSpan)> apply) {
  apply_ = std::move(apply);
  group_->SetApply(apply_);
}

}  // namespace raftmq
