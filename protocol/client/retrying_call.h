// One request tried again, with back-off, until it has an answer or its time is over.
#pragma once

#include <functional>
#include <memory>

#include "protocol/client/backoff.h"
#include "protocol/client/broker_connection.h"
#include "protocol/net/event_loop.h"
#include "protocol/types/clock.h"

namespace raftmq::internal {

// Loop-affine. Owned by whoever waits for `done`; destroy it only after that, and not from within.
class RetryingCall {
 public:
  struct Options {
    Milliseconds timeout{10'000};
    // Whether an attempt that may have taken effect (kTimeout, kDisconnected) is tried again: for
    // requests that do no harm twice.
    bool retry_unknown = false;
  };
  // One attempt, to be answered within `left`.
  using Attempt = std::function<void(Milliseconds left, ReplyDone done)>;

  RetryingCall(EventLoop& loop, Options options, Backoff backoff, Attempt attempt, ReplyDone done);
  void Start() { Try(); }
  void Cancel(const Error& error) { Finish(Fail(error)); }

 private:
  void Try();
  void OnOutcome(Result<Reply> outcome);
  void Finish(Result<Reply> outcome);
  bool WorthAnotherTry(const Error& error) const;

  EventLoop& loop_;
  Options options_;
  Backoff backoff_;
  Attempt attempt_;
  ReplyDone done_;  // Empty once called.
  Microseconds deadline_;
  Timer timer_;
  std::shared_ptr<RetryingCall*> self_;  // Nulled at the end: attempts may come back later.

 public:
  ~RetryingCall() { *self_ = nullptr; }
};

}  // namespace raftmq::internal
