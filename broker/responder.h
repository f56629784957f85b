// The answer that a request is owed: exactly one, even if nobody remembers it.
#pragma once

#include <cstdint>

#include "broker/anchor.h"
#include "broker/api.h"
#include "broker/memory_budget.h"
#include "protocol/types/clock.h"
#include "protocol/wire/messages.h"

namespace raftmq::broker {

class Session;

// Loop-affine; must be answered and destroyed on its session's shard. Held in a shared_ptr, since
// callbacks must be copyable; whoever answers first wins. Destroyed unanswered, it reports that the
// outcome is unknown.
class Responder {
 public:
  struct Options {
    AnchorRef<Session> session;
    std::uint64_t request_id = 0;
    Api api = Api::kOther;
    Microseconds started{0};
    std::size_t bytes = 0;   // Counted in the session's bytes in flight.
    MemoryShare memory;      // Given back with the answer.
    bool is_silent = false;  // acks=none: counted, but nothing is sent.
  };
  explicit Responder(Options options) : options_(std::move(options)) {}
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  void Reply(wire::Body body);
  void Refuse(Error error);
  void RefuseWith(wire::ErrorReply error);  // The same with bounds.
  // Ends the request without a message: the caller has sent the answer itself.
  void Finish();
  bool is_answered() const { return is_answered_; }
  std::uint64_t request_id() const { return options_.request_id; }

 private:
  Session* TakeSession();

  Options options_;
  bool is_answered_ = false;
};

}  // namespace raftmq::broker
