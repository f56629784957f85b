// The sessions of one partition of a FakeBroker, judged as a leader judges them.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "protocol/types/batch_header.h"
#include "raftmq/result.h"

namespace raftmq::testing {

// Not thread-safe. What is not modelled: the bound on sessions, expiry.
class FakeSessions {
 public:
  // Where the batch stands already; nothing if it is to be appended at `end`, and then counts as
  // known. Errors: as Group::Propose refuses what does not continue its session.
  Result<std::optional<std::uint64_t>> Judge(const ProducerBlock& batch, std::uint64_t end);
  // What was stored of the session, if anything, is not known any more.
  bool MayHaveForgotten(SessionId session) const {
    return session <= floor_ && sessions_.at(session).next == 0;
  }
  // The next sequence; lower epochs are fenced from now on. Errors: kFenced.
  Result<std::uint32_t> Open(SessionId session, std::uint32_t epoch);

  // Every session is forgotten, and those up to the highest id are never taken again.
  void Forget();
  // Unknown sessions begin wherever their first batch says: as if the log before were here.
  void TakeAnySequence() { takes_any_sequence_ = true; }

 private:
  struct Batch {
    std::uint32_t sequence = 0;
    std::uint32_t records = 0;
    std::uint64_t base_offset = 0;
  };
  struct Session {
    std::uint32_t epoch = 0;
    std::uint32_t next = 0;
    std::deque<Batch> newest;  // At most five.
  };

  std::map<SessionId, Session> sessions_;
  SessionId floor_;
  bool takes_any_sequence_ = false;
};

}  // namespace raftmq::testing
