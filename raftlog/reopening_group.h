// A group that takes repaired entries in by opening its log again (PartitionLog::NeedsReopening):
// for whoever holds it, it is one group all the time, which does not lead and serves nothing for a
// moment.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "raftlog/group.h"
#include "raftlog/group_factory.h"

namespace raftmq {

// Shard-affine.
class ReopeningGroup final : public Group {
 public:
  ReopeningGroup(const GroupOptions& options, const GroupDeps& deps, OpenedLog opened,
                 ReopenLog reopen);

  using Group::Propose;
  void Propose(ByteBuffer buffer, std::size_t frame_at, std::size_t frame_bytes,
               const ProposeOptions& options, ProposeDone done) override;
  void OpenSession(SessionId session, std::uint32_t epoch,
                   std::function<void(Result<OpenedSession>)> done) override;
  void Fetch(Offset offset, std::size_t bytes_max, FetchDone done) override;
  void CheckPosition(Offset offset, Term term_before, std::function<void(Status)> done) override;
  void FindOffset(std::int64_t timestamp_ms,
                  std::function<void(Result<OffsetAtTime>)> done) override;
  void Trim(Offset log_start, std::function<void(Result<Offset>)> done) override;
  void AcceptLoss(Offset to, std::function<void(Result<AcceptedLoss>)> done) override;
  void ProposeAnywhere(ByteBuffer frame, ProposeDone done) override;
  void ReadIndex(std::function<void(Result<Offset>)> done) override;
  const Membership& membership() const override;
  void ChangeMembership(const Membership& next, ProposeDone done) override;
  void TransferTo(NodeId to, std::function<void(Status)> done) override;
  void HandOver(std::function<void()> done) override;
  void Receive(PeerMessage message) override;
  void PeerUnreachable(NodeId node) override;
  void PeerSilent(NodeId node, std::uint32_t ticks) override;
  void SetOnCommit(std::function<void()> on_commit) override;
  void SetCapture(std::function<ByteBuffer()> capture) override;
  void SetRestore(std::function<void(ByteSpan)> restore) override;
  void SetApply(std::function<void(Index, ByteSpan)> apply) override;
  void Tick() override;
  bool IsQuiet() const override;
  void TurnEnd() override;
  GroupStatus status() const override;
  std::optional<Checkpoint> StateOfLog() const override;
  const Error* failure() const override;
  std::vector<DamagedRange> damage() const override;
  std::optional<SegmentScrub> CheckSegment(Index from) override;
  bool TakeDamage(const SegmentScrub& segment) override;
  void RepairMeta() override;
  void Drain(std::function<void()> done) override;

 private:
  enum class Phase {
    kOpen,
    kClosing,  // Leadership is handed on, what is under way ends.
    kClosed,   // The log is with nobody.
    kOpening,  // On the work queue.
    kFailed,   // It cannot be opened any more.
  };

  bool IsOpen() const { return phase_ == Phase::kOpen; }
  void MaybeReopen();
  void OpenAgain();
  void OnOpened(Result<std::unique_ptr<OpenedLog>> opened);
  void Adopt(OpenedLog opened);
  Error NotServing(ErrorCode code) const;
  void Drained();

  const GroupOptions options_;
  const GroupDeps deps_;
  const ReopenLog reopen_;
  Phase phase_ = Phase::kOpen;
  std::uint64_t openings_ = 0;
  Microseconds open_due_{0};      // When kClosed: an attempt to open it has failed before.
  std::unique_ptr<Group> group_;  // Null from kClosed on.
  GroupStatus last_status_;       // While it is not open.
  Membership last_membership_;    // The same.
  std::optional<Error> failure_;
  std::function<void()> on_commit_;
  std::function<ByteBuffer()> capture_;
  std::function<void(ByteSpan)> restore_;
  std::function<void(Index, ByteSpan)> apply_;
  std::vector<std::function<void()>> drained_;  // Callers of Drain, while it is not open.
  std::shared_ptr<ReopeningGroup*> alive_ = std::make_shared<ReopeningGroup*>(this);
};

}  // namespace raftmq
