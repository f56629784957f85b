#include "protocol/client/retrying_call.h"

#include <algorithm>
#include <utility>

namespace raftmq::internal {

RetryingCall::RetryingCall(EventLoop& loop, Options options, Backoff backoff, Attempt attempt,
                           ReplyDone done)
    : loop_(loop),
      options_(options),
      backoff_(backoff),
      attempt_(std::move(attempt)),
      done_(std::move(done)),
      deadline_(loop.Now() + options.timeout),
      timer_(loop),
      self_(std::make_shared<RetryingCall*>(this)) {}

void RetryingCall::Try() {
  const auto left = std::chrono::duration_cast<Milliseconds>(deadline_ - loop_.Now());
  attempt_(std::max(left, Milliseconds(1)), [self = self_](Result<Reply> outcome) {
    if (*self != nullptr) (*self)->OnOutcome(std::move(outcome));
  });
}

void RetryingCall::OnOutcome(Result<Reply> outcome) {
  if (!done_) return;
  if (outcome || !WorthAnotherTry(outcome.error())) return Finish(std::move(outcome));
  const Milliseconds wait = backoff_.Next();
  if (loop_.Now() + wait >= deadline_) return Finish(std::move(outcome));
  timer_.Start(wait, [this] { Try(); });
}

bool RetryingCall::WorthAnotherTry(const Error& error) const {
  // On the wrong shard a partition is not found; metadata has been asked for anew by then.
  if (error.code == ErrorCode::kPartitionNotFound) return true;
  return error.retriable() && (error.definite() || options_.retry_unknown);
}

void RetryingCall::Finish(Result<Reply> outcome) {
  if (auto done = std::exchange(done_, nullptr)) done(std::move(outcome));
}

}  // namespace raftmq::internal
