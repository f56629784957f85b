#include "producer/partition_sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/client/log_level.h"
#include "protocol/types/check.h"

namespace raftmq::internal {
namespace {

Microseconds SteadyNow() { return RealClock().SteadyNow(); }

// Rounded up: a timer that rings early would only ring again.
Milliseconds CeilMilliseconds(Microseconds time) {
  return std::max(Milliseconds(0), std::chrono::ceil<Milliseconds>(time));
}

}  // namespace

PartitionSender::PartitionSender(ClientLoop& loop, Accumulator& accumulator, MemoryBound& memory,
                                 ProducerCounters& counters, Options options)
    : loop_(loop),
      accumulator_(accumulator),
      memory_(memory),
      counters_(counters),
      options_(std::move(options)),
      backoff_(loop.MakeBackoff()),
      alarm_(loop.events()),
      session_(options_.session_kind) {}

void PartitionSender::Pump() {
  const Microseconds now = SteadyNow();
  if (retry_at_ && *retry_at_ <= now) retry_at_.reset();
  if (search_.look_at && *search_.look_at <= now) Look();
  if (over_) return CancelWaiting(*over_);
  Take(HasExpiredOpenBatch(now));
  ExpireQueued(now);
  MaybeMendSession();
  MaybeAskForSession(now);
  MaybeDoubtLeader(now);
  while (!IsStopped() && in_flight_.size() < options_.in_flight_max) {
    if (queued_.empty() && CanSendMore() && IsOpenBatchDue(now)) Take(true);
    if (queued_.empty() || !session_.MaySend(queued_.front()) || !SendFront(now)) break;
  }
  ArmAlarm(now);
}

// A batch that is sealed now could be sent at once.
bool PartitionSender::CanSendMore() const {
  const bool has_session =
      session_.need() == PartitionSession::Need::kNothing && !session_.IsMending();
  return has_session && !IsStopped() && in_flight_.size() < options_.in_flight_max;
}

void PartitionSender::Flush(const std::shared_ptr<FlushToken>& token) {
  Take(true);
  if (token) {
    for (OutgoingBatch& batch : queued_) batch.tokens.push_back(token);
    for (OutgoingBatch& batch : in_flight_) batch.tokens.push_back(token);
    for (OutgoingBatch& batch : failed_) batch.tokens.push_back(token);
  }
  Pump();
}

void PartitionSender::CancelAll(const Error& error) {
  std::vector<OutgoingBatch> in_flight = std::exchange(in_flight_, {});
  for (OutgoingBatch& batch : in_flight) {
    batch.maybe_stored = true;
    failed_.push_back(std::move(batch));
  }
  draining_ = false;
  CancelWaiting(error);
}

void PartitionSender::EndWith(const Error& error) {
  over_ = error;
  CancelWaiting(error);
}

void PartitionSender::CancelWaiting(const Error& error) {
  Take(true);
  alarm_.Cancel();
  retry_at_.reset();
  search_ = {};
  std::vector<OutgoingBatch> all = std::exchange(failed_, {});
  std::ranges::move(std::exchange(queued_, {}), std::back_inserter(all));
  std::ranges::sort(all, {}, &OutgoingBatch::number);
  for (OutgoingBatch& batch : all) Fail(std::move(batch), error);
  AnswerResumed(raftmq::Fail(error));
}

void PartitionSender::Take(bool seal_open) {
  if (accumulator_.Take(seal_open, &queued_)) options_.on_sealed();
}

bool PartitionSender::HasExpiredOpenBatch(Microseconds now) const {
  const auto open_since = accumulator_.open_since();
  return open_since && *open_since + options_.delivery_timeout <= now;
}

bool PartitionSender::IsOpenBatchDue(Microseconds now) const {
  const auto open_since = accumulator_.open_since();
  return open_since && *open_since + options_.linger <= now;
}

void PartitionSender::ExpireQueued(Microseconds now) {
  while (!queued_.empty() && queued_.front().deadline <= now) {
    OutgoingBatch batch = std::move(queued_.front());
    queued_.pop_front();
    Error error = DeliveryTimedOut(batch);
    Fail(std::move(batch), std::move(error));
  }
}

bool PartitionSender::SendFront(Microseconds now) {
  const Result<Route> route = loop_.RouteTo(options_.topic, options_.partition);
  const Result<BrokerConnection*> connection =
      route ? loop_.ConnectionTo(*route) : Result<BrokerConnection*>(raftmq::Fail(route.error()));
  if (!connection) {
    queued_.front().last_error = connection.error();
    BackOff(connection.error());
    if (IsRoutingError(connection.error().code)) LookForLeaderAfter(route ? route->node : NodeId());
    return false;
  }
  if (IsUnderWayElsewhere(route->node)) {
    GiveUpFormerLeader();
    return false;
  }
  if (in_flight_.empty()) doubt_at_ = now + kDoubtAfter;
  OutgoingBatch batch = std::move(queued_.front());
  queued_.pop_front();
  const std::uint64_t attempt = batch.attempt = ++attempts_;
  batch.sent_to = route->node;
  const SharedBytes frame = batch.frame;
  const wire::ProduceRequest request{
      .group = route->group, .acks = options_.acks, .base_offset = batch.base_offset};
  const Milliseconds left = CeilMilliseconds(batch.deadline - now);
  in_flight_.push_back(std::move(batch));
  ++counters_.batches;

  const auto self = weak_from_this();
  if (options_.acks == wire::Acks::kNone) {
    (*connection)->SendOneWay(request, frame, [self, attempt](const Status& left_us) {
      Result<Reply> outcome = Reply{.body = wire::ProduceReply{}, .attachment = {}};
      if (!left_us) outcome = raftmq::Fail(left_us.error());
      if (const auto sender = self.lock()) sender->OnOutcome(attempt, std::move(outcome));
    });
  } else {
    (*connection)
        ->Request(request, frame, std::min(left, loop_.config().request_timeout),
                  [self, attempt](Result<Reply> outcome) {
                    if (const auto sender = self.lock()) {
                      sender->OnOutcome(attempt, std::move(outcome));
                    }
                  });
  }
  return true;
}

void PartitionSender::OnOutcome(std::uint64_t attempt, Result<Reply> outcome) {
  const auto found = std::ranges::find(in_flight_, attempt, &OutgoingBatch::attempt);
  if (found == in_flight_.end()) return;  // Cancelled or given up meanwhile.
  doubt_at_ = SteadyNow() + kDoubtAfter;
  OutgoingBatch batch = std::move(*found);
  in_flight_.erase(found);
  if (!outcome) {
    OnFailure(std::move(batch), std::move(outcome).error());
  } else if (const auto* reply = std::get_if<wire::ProduceReply>(&outcome->body)) {
    backoff_.Reset();
    search_ = {};
    Succeed(std::move(batch), {.partition = options_.partition,
                               .offset = reply->base_offset.value(),
                               .timestamp_ms = reply->append_time_ms});
  } else {
    Fail(std::move(batch),
         {ErrorCode::kUnsupported, "the broker answered a produce request with something else"});
  }
  MaybeRequeueFailed();
  Pump();
  if (!IsBusy()) options_.on_idle();
}

void PartitionSender::OnFailure(OutgoingBatch batch, Error error) {
  if (!error.definite() && error.code != ErrorCode::kCancelled) batch.maybe_stored = true;
  if (over_) return Fail(std::move(batch), *over_);
  if (IsRoutingError(error.code)) LookForLeaderAfter(batch.sent_to);
  using Fate = PartitionSession::Fate;
  switch (session_.Judge(batch, error, HasUnresolvedBefore(batch))) {
    case Fate::kAgain:
      return TryAgain(std::move(batch), std::move(error));
    case Fate::kStored:
      return Succeed(std::move(batch), {.partition = options_.partition, .is_offset_known = false});
    case Fate::kEnds:
      return Fail(std::move(batch), std::move(error));
    case Fate::kFenced:
      failed_.push_back(std::move(batch));
      return EndFenced(error);
  }
}

void PartitionSender::TryAgain(OutgoingBatch batch, Error error) {
  loop_.Log(kLogWarning, "producer",
            fmt::format("{}/{}: a batch of {} messages is sent again: {}", options_.topic,
                        options_.partition, batch.callbacks.size(), error.ToString()));
  ++counters_.retries;
  batch.last_error = std::move(error);
  failed_.push_back(std::move(batch));
  draining_ = true;
}

bool PartitionSender::HasUnresolvedBefore(const OutgoingBatch& batch) const {
  const auto is_before = [&batch](const OutgoingBatch& other) {
    return other.number < batch.number;
  };
  return std::ranges::any_of(in_flight_, is_before) || std::ranges::any_of(failed_, is_before);
}

void PartitionSender::MaybeRequeueFailed() {
  if (!draining_ || !in_flight_.empty()) return;
  draining_ = false;
  if (failed_.empty()) return;
  std::ranges::sort(failed_, std::greater<>{}, &OutgoingBatch::number);
  for (OutgoingBatch& batch : std::exchange(failed_, {})) queued_.push_front(std::move(batch));
  retry_at_ = SteadyNow() + backoff_.Next();
}

void PartitionSender::BackOff(const Error& error) {
  retry_at_ = SteadyNow() + backoff_.Next();
  if (!IsRoutingError(error.code)) return;
  loop_.Refresh(options_.topic, [self = weak_from_this()](const Status& fresh) {
    const auto sender = self.lock();
    if (!sender || fresh || fresh.error().code != ErrorCode::kTopicNotFound) return;
    sender->CancelAll(fresh.error());  // The topic was deleted: waiting would not help.
  });
}

void PartitionSender::Succeed(OutgoingBatch batch, SendReceipt first) {
  memory_.Give(batch.charge);
  counters_.acked += batch.callbacks.size();
  Result<SendReceipt> outcome(first);
  for (const auto& callback : batch.callbacks) {
    if (callback) callback(outcome);
    if (first.is_offset_known) ++outcome->offset;
  }
}

void PartitionSender::Fail(OutgoingBatch batch, Error error) {
  session_.NoteFailed(batch);
  memory_.Give(batch.charge);
  counters_.failed += batch.callbacks.size();
  if (batch.maybe_stored && error.definite()) {
    // This attempt had no effect, but an earlier one may have had.
    error = {
        ErrorCode::kTimeout,
        fmt::format("an earlier attempt may have been stored; the last one: {}", error.ToString())};
  }
  const Result<SendReceipt> outcome = raftmq::Fail(std::move(error));
  for (const auto& callback : batch.callbacks) {
    if (callback) callback(outcome);
  }
}

Error PartitionSender::DeliveryTimedOut(const OutgoingBatch& batch) const {
  const std::string last = batch.last_error ? batch.last_error->ToString() : "never sent";
  const std::string text =
      fmt::format("{}/{}: not delivered within {} ms; the last attempt: {}", options_.topic,
                  options_.partition, options_.delivery_timeout.count(), last);
  // Definite if no attempt can have had an effect.
  const bool definite = !batch.maybe_stored && batch.last_error && batch.last_error->definite();
  return {definite ? batch.last_error->code : ErrorCode::kTimeout, text};
}

void PartitionSender::ArmAlarm(Microseconds now) {
  std::optional<Microseconds> next = retry_at_;
  const auto consider = [&next](Microseconds at) { next = next ? std::min(*next, at) : at; };
  if (!queued_.empty()) consider(queued_.front().deadline);
  if (!in_flight_.empty()) consider(doubt_at_);
  if (search_.look_at) consider(*search_.look_at);
  if (const auto open_since = accumulator_.open_since()) {
    const bool is_wanted = CanSendMore() || WantsSession();
    consider(*open_since + (is_wanted ? options_.linger : options_.delivery_timeout));
  }
  if (!next) return alarm_.Cancel();
  alarm_.Start(CeilMilliseconds(*next - now), [this] { Pump(); });
}

}  // namespace raftmq::internal
