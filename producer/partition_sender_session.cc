// How the batches of a partition get their places in the producer's session.
#include <fmt/format.h>

#include <utility>

#include "producer/partition_sender.h"
#include "producer/session_request.h"
#include "protocol/client/log_level.h"

namespace raftmq::internal {

void PartitionSender::MaybeMendSession() {
  if (!in_flight_.empty() || !failed_.empty()) return;
  if (session_.CanMend(queued_)) {
    if (const auto first = session_.Mend(queued_)) return Renumber(*first);
  }
  if (!session_.is_over()) return;
  EndWith(
      {ErrorCode::kSequenceGap,
       fmt::format("{}/{}: a message before it was not stored, or may not be, and a producer with "
                   "a name leaves none out; created again it goes on behind what is stored",
                   options_.topic, options_.partition)});
}

// None of them is stored, nor will be as it was.
void PartitionSender::Renumber(const SessionPosition& first) {
  accumulator_.Renumber(first, &queued_);
  for (OutgoingBatch& batch : queued_) {
    batch.frame = SealAnew(batch.frame, batch.position);
    batch.maybe_stored = false;
  }
}

void PartitionSender::MaybeAskForSession(Microseconds now) {
  const bool is_wanted = !queued_.empty() || !wait_for_resumed_.empty() || IsOpenBatchDue(now);
  if (!WantsSession() || !is_wanted) return;
  asks_for_session_ = true;
  const auto on_session = [self = weak_from_this()](const Result<GrantedSession>& outcome) {
    if (const auto sender = self.lock()) sender->OnSession(outcome);
  };
  if (session_.need() == PartitionSession::Need::kOpen) {
    return OpenSession(loop_, {options_.topic, options_.partition}, options_.session, on_session);
  }
  loop_.Log(kLogWarning, "producer",
            fmt::format("{}/{}: the session does not go on: another is asked for", options_.topic,
                        options_.partition));
  AskForSession(loop_, "", on_session);
}

void PartitionSender::OnSession(const Result<GrantedSession>& outcome) {
  asks_for_session_ = false;
  if (over_) return;
  if (!outcome) {
    OnSessionRefused(outcome.error());
  } else {
    session_.Restart();
    Renumber(outcome->first);
    backoff_.Reset();
    if (!resumed_) resumed_ = ResumedBy(*outcome);
    AnswerResumed(*resumed_);
  }
  Pump();
  if (!IsBusy()) options_.on_idle();
}

// What the name has stored is told only if it is known.
Result<std::uint32_t> PartitionSender::ResumedBy(const GrantedSession& session) const {
  if (!session.may_be_forgotten) return session.first.sequence;
  return raftmq::Fail(
      ErrorCode::kUnknownSession,
      fmt::format("{}/{}: what producers of this name have stored is not known here any more, if "
                  "there was anything; sends are stored, from which message on is yours to say",
                  options_.topic, options_.partition));
}

void PartitionSender::OnSessionRefused(const Error& error) {
  if (error.code == ErrorCode::kFenced) return EndFenced(error);
  if (!PartitionSession::IsWorthRetry(error)) return CancelAll(error);
  for (OutgoingBatch& batch : queued_) batch.last_error = error;
  BackOff(error);
}

// The producer knows first: whoever hears of the end finds all of it at its end.
void PartitionSender::EndFenced(const Error& error) {
  options_.on_fenced(error);
  EndWith(error);
}

void PartitionSender::WhenResumed(OnResumed done) {
  if (over_) return done(raftmq::Fail(*over_));
  if (resumed_) return done(*resumed_);
  wait_for_resumed_.push_back(std::move(done));
  Pump();
}

void PartitionSender::AnswerResumed(const Result<std::uint32_t>& outcome) {
  for (const OnResumed& done : std::exchange(wait_for_resumed_, {})) done(outcome);
}

}  // namespace raftmq::internal
