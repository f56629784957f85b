// Takes the batches of one partition to its leader: a window of requests, retries in order.
//
//   accumulator -> queued_ -> in_flight_ -> outcome
//                    ^            |  an attempt failed but may be repeated
//                    |            v
//                    +-------- failed_
//
// After a failure nothing new is sent until every request in flight has its outcome; then what
// failed goes back to the front of the queue, in its order, and is sent again after a back-off.
//
// A leader need not say that it is one no longer: it may be frozen, or cut off. While answers stay
// out the brokers are asked again and again who leads, and once it is another node the attempts
// under way have failed, with an unknown outcome (partition_sender_doubt.cc).
//
// Batches carry positions in a session, by which the leader tells a retry from a new batch. What
// its refusals mean is known to PartitionSession; asking for sessions and giving batches new
// positions is done here (partition_sender_session.cc).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "producer/accumulator.h"
#include "producer/memory_bound.h"
#include "producer/partition_session.h"
#include "producer/session_request.h"
#include "protocol/client/client_loop.h"
#include "protocol/net/event_loop.h"
#include "raftmq/producer.h"

namespace raftmq::internal {

// So long without any answer, and the leader is doubted.
inline constexpr Milliseconds kDoubtAfter{500};

// Counted on the client's thread, read from any.
struct ProducerCounters {
  std::atomic<std::uint64_t> acked{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> retries{0};
  std::atomic<std::uint64_t> batches{0};
};

// Loop-affine; the references must outlive it.
class PartitionSender : public std::enable_shared_from_this<PartitionSender> {
 public:
  struct Options {
    std::string topic;
    std::uint32_t partition = 0;
    wire::Acks acks = wire::Acks::kQuorum;
    Milliseconds linger{5};
    std::uint32_t in_flight_max = 5;
    Milliseconds delivery_timeout{120'000};
    PartitionSession::Kind session_kind = PartitionSession::Kind::kNone;
    SessionPosition session;                  // Session and epoch of a named one, to be opened.
    std::function<void()> on_sealed = [] {};  // An open batch was sealed here.
    std::function<void()> on_idle = [] {};    // The last batch under way got its outcome.
    // Another producer has taken over this one's name.
    std::function<void(const Error&)> on_fenced = [](const Error&) {};
  };
  PartitionSender(ClientLoop& loop, Accumulator& accumulator, MemoryBound& memory,
                  ProducerCounters& counters, Options options);

  // Sends what may be sent now.
  void Pump();
  // Seals the open batch whatever its linger; `token` (or nullptr) is told of every batch here.
  void Flush(const std::shared_ptr<FlushToken>& token);
  // Sealed batches are here: their outcomes will give memory free.
  bool IsBusy() const { return !queued_.empty() || !in_flight_.empty() || !failed_.empty(); }
  // Everything here, the open batch included, ends with `error`.
  void CancelAll(const Error& error);
  // The same from now on, but for what is in flight: that may be stored, and waits for its outcome.
  void EndWith(const Error& error);

  // Calls back with the sequence at which a named session was opened here; opens it if need be.
  using OnResumed = std::function<void(Result<std::uint32_t>)>;
  void WhenResumed(OnResumed done);

 private:
  bool IsStopped() const { return over_ || draining_ || retry_at_.has_value(); }
  bool CanSendMore() const;
  void CancelWaiting(const Error& error);
  void Take(bool seal_open);
  bool HasExpiredOpenBatch(Microseconds now) const;
  bool IsOpenBatchDue(Microseconds now) const;
  void ExpireQueued(Microseconds now);
  bool SendFront(Microseconds now);
  void OnOutcome(std::uint64_t attempt, Result<Reply> outcome);
  void OnFailure(OutgoingBatch batch, Error error);
  void TryAgain(OutgoingBatch batch, Error error);
  void MaybeRequeueFailed();
  void BackOff(const Error& error);
  bool HasUnresolvedBefore(const OutgoingBatch& batch) const;
  void Succeed(OutgoingBatch batch, SendReceipt first);
  void Fail(OutgoingBatch batch, Error error);
  Error DeliveryTimedOut(const OutgoingBatch& batch) const;
  void ArmAlarm(Microseconds now);

  // partition_sender_doubt.cc
  void MaybeDoubtLeader(Microseconds now);
  bool IsUnderWayElsewhere(NodeId leader) const;
  void GiveUpFormerLeader();
  void LookForLeaderAfter(NodeId lost);
  void Look();
  void OnLooked();

  // partition_sender_session.cc
  // One is needed, and can be asked for.
  bool WantsSession() const {
    return session_.need() != PartitionSession::Need::kNothing && !asks_for_session_ &&
           !IsStopped();
  }
  void MaybeMendSession();
  void Renumber(const SessionPosition& first);
  void MaybeAskForSession(Microseconds now);
  void OnSession(const Result<GrantedSession>& outcome);
  Result<std::uint32_t> ResumedBy(const GrantedSession& session) const;
  void OnSessionRefused(const Error& error);
  void EndFenced(const Error& error);
  void AnswerResumed(const Result<std::uint32_t>& outcome);

  ClientLoop& loop_;
  Accumulator& accumulator_;
  MemoryBound& memory_;
  ProducerCounters& counters_;
  const Options options_;
  Backoff backoff_;
  Timer alarm_;  // Linger, retry or expiry, whichever comes first.
  std::deque<OutgoingBatch> queued_;
  std::vector<OutgoingBatch> in_flight_;  // At most in_flight_max, all sent to the same node.
  std::vector<OutgoingBatch> failed_;     // Wait for the rest of in_flight_.
  std::uint64_t attempts_ = 0;
  Microseconds doubt_at_{0};  // Of the leader, if nothing is heard and batches are in flight.
  bool draining_ = false;     // An attempt failed; in_flight_ has to empty first.
  std::optional<Microseconds> retry_at_;  // Nothing is sent before.
  PartitionSession session_;
  bool asks_for_session_ = false;                 // Under way.
  std::optional<Result<std::uint32_t>> resumed_;  // Where a named session was opened first.
  std::vector<OnResumed> wait_for_resumed_;
  std::optional<Error> over_;  // Why nothing is sent here any more.
  struct Search {              // For another leader than the one that was lost.
    bool is_on = false;
    NodeId lost;                          // As of the last failure; 0 = none was known.
    NodeId lost_node;                     // The last that was not 0.
    std::optional<Microseconds> since;    // Its first failure; until a batch is acked.
    std::optional<Microseconds> look_at;  // The next question.
  } search_;
};

// Calls back when the last batch that holds it is gone.
class FlushToken {
 public:
  explicit FlushToken(std::function<void()> done) : done_(std::move(done)) {}
  ~FlushToken() { done_(); }
  FlushToken(const FlushToken&) = delete;
  FlushToken& operator=(const FlushToken&) = delete;

 private:
  std::function<void()> done_;
};

}  // namespace raftmq::internal
